#!/usr/bin/env bash
# Shows a whole migration: two throwaway servers, the plan, the copy, the proof. Needs Rust and cc.
# Installs PostgreSQL from the distribution's packages when there is none, and leaves no server
# behind, however it ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly plan=plans/demo/migrate.yaml

heading() { printf '\n== %s\n\n' "$*"; }
pg_dbmigrator() { target/release/pg_dbmigrator "$@"; }

# The one place that knows where status keeps the connection strings.
url() { pg_dbmigrator status "$plan" --json | jq -er ".embedded.$1.url"; }

clean_up() {
  local code=$?
  trap - EXIT INT TERM
  heading 'The end: both servers are stopped and removed'
  pg_dbmigrator finalize --yes "$plan" || code=1
  exit "$code"
}

ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname "$1" --file "$2"; }

. tests/install-postgres.sh

heading 'Building pg_dbmigrator'
cargo build --release --quiet --bin pg_dbmigrator
pg_dbmigrator --version

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading "The plan: what apply would do (pg_dbmigrator plan $plan)"
pg_dbmigrator plan "$plan"

heading "The migration (pg_dbmigrator apply --yes $plan)"
pg_dbmigrator apply --yes "$plan"

heading 'The proof: the same questions to both servers, by psql, without pg_dbmigrator'
source=$(url source)
target=$(url target)
readonly source target answers=$(mktemp -d)
ask "$source" plans/demo/proof.sql >"$answers/source"
ask "$target" plans/demo/proof.sql >"$answers/target"
if ! diff --unified "$answers/source" "$answers/target"; then
  echo 'The servers disagree.' >&2
  exit 6
fi
column -t -s '|' "$answers/source" 2>/dev/null || cat "$answers/source"
printf '\nSource and target gave these %s answers, every one the same.\n' "$(wc -l <"$answers/source")"
rm -r "$answers"
