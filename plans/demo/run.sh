#!/usr/bin/env bash
# Shows a whole migration: two throwaway servers, the plan, the copy, the proof. Needs Rust and cc.
# Installs PostgreSQL from the distribution's packages when there is none. Leaves no server of its
# own behind, however it ends; run again, it starts over, or goes on where it was killed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly plan=plans/demo/migrate.yaml
readonly program=${CARGO_TARGET_DIR:-target}/release/pg_dbmigrator
answers=$(mktemp -d)
readonly answers

heading() { printf '\n== %s\n\n' "$*"; }

# Shows a command, then runs it.
run() { heading "pg_dbmigrator $*" && "$program" "$@"; }

# Where to connect, by status: "embedded": {"source": {…, "url": "…"}, "target": {…, "url": "…"}}
url() { "$program" status "$plan" --json | tr -d '\n' | sed -nE "s/.*\"embedded\" *: *\{.*\"$1\" *: *\{[^}]*\"url\" *: *\"([^\"]+)\".*/\1/p"; }

# Asks one side what proof.sql asks, without pg_dbmigrator.
ask() {
  local url
  url=$(url "$1")
  [ -n "$url" ] || { echo "error: status does not say where the $1 is" >&2 && return 1; }
  psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
    --dbname "$url" --file plans/demo/proof.sql >"$answers/$1"
  psql --no-psqlrc --quiet --tuples-only --no-align --dbname "$url" \
    --command "select '$1: PostgreSQL ' || current_setting('server_version')"
}

clean_up() {
  local code=$?
  trap - EXIT
  trap '' INT TERM
  rm -rf "$answers"
  # Removes both servers, whether the migration is complete or not.
  run finalize --yes "$plan" 2>/dev/null || run abort --yes "$plan" || { [ "$code" != 0 ] || code=1; }
  exit "$code"
}

has_postgres() {
  [ -n "${PG_DBMIGRATOR_POSTGRES:-}" ] || command -v initdb ||
    compgen -G '/usr/lib/postgresql/*/bin/initdb' || compgen -G '/usr/pgsql-*/bin/initdb' ||
    compgen -G '/opt/homebrew/opt/postgresql@*/bin/initdb'
} >/dev/null

missing=()
has_postgres || missing+=(postgresql)
command -v psql >/dev/null || missing+=(postgresql-client)
tests/install-packages.sh ${missing[@]+"${missing[@]}"}

heading 'Building pg_dbmigrator'
cargo build --release --quiet --bin pg_dbmigrator
echo "$program"

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

run plan "$plan"
run apply --yes "$plan"

heading 'The proof: the same questions to both servers, by psql'
ask source
ask target
if ! diff --unified "$answers/source" "$answers/target"; then
  echo 'error: the servers disagree' >&2
  exit 6
fi
echo
awk -F '|' '{ printf "%-28s %10s  %s\n", $1, $2, $3 }' "$answers/source"
printf '\nBoth gave these %d answers: rows and a sum over them, sequences, definitions, grants, settings.\n' \
  "$(wc -l <"$answers/source")"
