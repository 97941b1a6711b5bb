# Two throwaway PostgreSQL servers for a benchmark, and the words that every benchmark says about
# them; meant to be sourced. Never touches a server that is there already, and stops those it started.
# They listen on sockets in $home/source and $home/target, and on no port.

bin=${PG_BIN:-$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)}
readonly bin
# The target's programs, where they are others.
target_bin=${TARGET_BIN:-$bin}
readonly target_bin

if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet --bin pg_dbmigrator
  PROGRAM=$PWD/target/release/pg_dbmigrator
fi
readonly PROGRAM

home=$(mktemp -d "${TMPDIR:-/var/tmp}/bench.XXXXXX")
readonly home

# PostgreSQL refuses to run as root.
as_server_user() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# A benchmark may end what it has begun itself, in a function of this name.
end_own() { :; }

clean_up() {
  trap - EXIT
  end_own
  for side in source target; do
    as_server_user "$(bin_of $side)/pg_ctl" stop -s -m immediate -D "$home/$side/data" || true
  done
  rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bin_of() { # side
  if [ "$1" = target ]; then echo "$target_bin"; else echo "$bin"; fi
}

start() { # side setting...
  local settings
  settings=$(printf ' -c %s' "${@:2}")
  [ $# -gt 1 ] || settings=
  mkdir "$home/$1"
  if [ "$(id -u)" = 0 ]; then chmod 755 "$home"; chown postgres "$home/$1"; fi
  as_server_user "$(bin_of "$1")/initdb" --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync --no-instructions -D "$home/$1/data" >/dev/null
  as_server_user "$(bin_of "$1")/pg_ctl" start -s -w -D "$home/$1/data" -l "$home/$1/log" -o "-k '$home/$1' \
    -c listen_addresses= -c fsync=off -c shared_buffers=512MB -c max_wal_size=8GB -c autovacuum=off$settings"
}

ask() { # side database argument...
  "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$home/$1" -U postgres -d "$2" "${@:3}"
}

# An empty target, and nothing that an earlier run left to be written.
start_over() { # database
  rm -rf "$home/migrate.state" "$home/dump"
  ask target postgres -c "set client_min_messages = warning" -c "drop database if exists $1" -c checkpoint
  ask source postgres -c checkpoint
}

apply() {
  "$PROGRAM" apply --yes "$home/migrate.yaml" >"$home/said" 2>&1 || { cat "$home/said" >&2; exit 1; }
}

seconds() { date +%s.%N; }
since() { echo "$(seconds) - $1" | bc; }

median() { sort -g | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }
