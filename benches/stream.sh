#!/usr/bin/env bash
# Measures `copy.method: stream` against pg_dump and pg_restore, against pgcopydb where it is on PATH,
# and against the same COPYs and index builds by psql alone, on databases of several kinds.
# Never touches a PostgreSQL server that is there already: it starts two of its own, and stops them.
#
# usage: benches/stream.sh [mixed|gin|narrow|many|objects]...      default: all; takes half an hour and 8 GB of disk
# PG_BIN   the folder with PostgreSQL's programs (default: the distribution's newest)
# PROGRAM  the release build to measure (default: it is built)
# RUNS     how often each is run, in turn, for the median (default: 3)
# PERCENT  how large the databases are (default: 100, which is 1 GB of `mixed`)
# VERIFY   how apply_stream proves its copy; it is timed with it (default: counts)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/servers.sh

readonly runs=${RUNS:-3} percent=${PERCENT:-100} jobs=2

share() { echo $(($1 * percent / 100 > 0 ? $1 * percent / 100 : 1)); }

# The databases.

events() { # database, more of body as a key and a value
  ask source "$1" -c "
    create table events (id bigint primary key, at timestamptz not null, who uuid not null,
      amount numeric(12, 2) not null, ratio float8 not null, note text not null, body jsonb not null);
    insert into events
    select n, timestamptz '2024-01-01 00:00:00+00' + n * interval '7 s', md5(n::text)::uuid, n % 100000 / 7.0,
      1 / (n + 0.5), 'order ' || n || ' of ' || n % 977,
      jsonb_build_object('kind', n % 17, 'path', '/shop/' || md5((n % 5000)::text), 'tags', array[n % 3, n % 5]${2:+, $2})
    from generate_series(1, $(share 2000000)) n;
    create index on events (at);
    create index on events (who)"
}

mixed() {
  events mixed
  "$bin/pgbench" -i -q -s "$(share 30)" -h "$home/source" -U postgres mixed >/dev/null 2>&1
}

# Six words a row: one core is at their index for longer than two are at everything else.
gin() {
  events gin "'words', (select jsonb_agg(substr(md5((n * 7 + w * w * 31)::text), 1, 4)) from generate_series(1, 6) w)"
  "$bin/pgbench" -i -q -s "$(share 30)" -h "$home/source" -U postgres gin >/dev/null 2>&1
  ask source gin -c 'create index on events using gin (body)'
}

narrow() {
  ask source narrow -c "create table narrow (id bigint primary key, at timestamptz not null, value int)" \
    -c "insert into narrow select n, now(), n % 1000 from generate_series(1, $(share 10000000)) n"
}

many() {
  local tables from
  tables=$(share 5000)
  for from in $(seq 1 500 "$tables"); do
    ask source many -c "do \$\$ begin for n in $from..least($from + 499, $tables) loop
      execute format('create table t%s (id bigint primary key, name text not null)', n);
      execute format('create index on t%s (name)', n);
      execute format('insert into t%s select m, m from generate_series(1, 10) m', n); end loop; end \$\$"
  done
}

objects() {
  ask source objects -c "select count(lo_from_bytea(0, convert_to(repeat(md5(n::text), 32), 'UTF8')))
    from generate_series(1, $(share 20000)) n" >/dev/null
}

# The contenders: each fills an empty target.

# Uncompressed, which is the fastest where the disk is not the limit.
pg_dump_and_pg_restore() { # database
  "$bin/pg_dump" -h "$home/source" -U postgres -Fd -j$jobs -Z0 -f "$home/dump" "$1"
  ask target postgres -c "create database $1"
  "$bin/pg_restore" -h "$home/target" -U postgres -j$jobs -d "$1" "$home/dump"
}

# It ends its whole process group when it fails, which is to be one of its own.
pgcopydb_clone() { # database argument...
  rm -rf "$home/pgcopydb"
  ask target postgres -c "create database $1"
  PATH=$bin:$PATH setsid --wait pgcopydb clone --dir "$home/pgcopydb" --table-jobs $jobs --index-jobs $jobs "${@:2}" \
    --source "postgres://postgres@/$1?host=$home/source" \
    --target "postgres://postgres@/$1?host=$home/target" >"$home/said" 2>&1 || { cat "$home/said" >&2; exit 1; }
}
pgcopydb_by_default() { pgcopydb_clone "$1"; }
pgcopydb_in_parts() { pgcopydb_clone "$1" --split-tables-larger-than 200MB; }
pgcopydb_binary() { pgcopydb_clone "$1" --use-copy-binary; }

# PostgreSQL's own programs, but that what they take is written down, to tell it from the runner's.
timed_tools() {
  local tool
  mkdir -p "$home/tools"
  for tool in pg_dump pg_restore; do
    cat >"$home/tools/$tool" <<TOOL
#!/usr/bin/env bash
TIMEFORMAT='%U %S'
{ time "$bin/$tool" "\$@" 2>&3; } 3>&2 2>>"$home/tools/times"
TOOL
    chmod +x "$home/tools/$tool"
  done
  : >"$home/tools/times"
}

apply_stream() { apply_verifying "$1" "${VERIFY:-counts}"; }
# What the others do: they prove nothing.
apply_without_proof() { apply_verifying "$1" off; }

apply_verifying() { # database how
  timed_tools
  cat >"$home/migrate.yaml" <<PLAN
version: 1
source: { url: "postgres://postgres@/$1?host=$home/source" }
target: { url: "postgres://postgres@/$1?host=$home/target" }
# With a job for each core, none is left for those that would help with an index.
copy: { method: stream, jobs: $jobs, index_workers: 0, tools: $home/tools }
restore: { statistics: off }
verify: $2
PLAN
  apply
}

# What the servers have to do at least: the same COPYs and the same index builds, by psql alone.
by_psql() { # database
  ask target postgres -c "create database $1"
  "$bin/pg_dump" -h "$home/source" -U postgres --section=pre-data "$1" | ask target "$1" >/dev/null
  pieces "$1" | in_parallel "$1" 'piped "$1" "$2"'
  definitions "$1" | in_parallel "$1" "$builds_index"
}

readonly builds_index='ask target "$1" -c "set maintenance_work_mem = \"512MB\"" -c "$2"'

# Every index as a statement, what takes longest first; a key is no more than its index here.
definitions() { # database
  ask source "$1" -c "
    select pg_get_indexdef(indexrelid)
    from pg_index join pg_class i on i.oid = indexrelid join pg_am am on am.oid = relam
    where indexrelid >= 16384 and relnamespace = 'public'::regnamespace
    order by amname = 'gin' desc, pg_relation_size(indexrelid) desc"
}

# Every table by its name, the large ones in two halves.
pieces() { # database
  ask source "$1" -c "
    select unnest(case when pages < 10000 then array[format('(select * from only %s)', name)] else array[
      format('(select * from only %s where ctid < ''(%s,0)'')', name, pages / 2),
      format('(select * from only %s where ctid >= ''(%s,0)'')', name, pages / 2)] end) || ' ' || name
    from (select oid::regclass::text as name, pg_relation_size(oid) / 8192 as pages
      from pg_class where relkind = 'r' and oid >= 16384 and relnamespace = 'public'::regnamespace) as tables
    order by pages desc"
}

piped() { # database 'QUERY table'
  ask source "$1" -c "copy ${2% *} to stdout (format binary)" |
    ask target "$1" -c "copy ${2##* } from stdin (format binary)"
}

in_parallel() { # database command [jobs]; a line of standard input is the command's $2
  export home bin
  export -f ask piped
  xargs -r -d '\n' -P "${3:-$jobs}" -n 1 bash -c "set -euo pipefail; $2" bash "$1"
}

# The longest chain of `gin`: its table is copied, then this one index built, with nothing beside it.
chain_alone() { # database
  ask target postgres -c "create database $1"
  "$bin/pg_dump" -h "$home/source" -U postgres --section=pre-data "$1" | ask target "$1" >/dev/null
  pieces "$1" | grep ' events$' | in_parallel "$1" 'piped "$1" "$2"'
  ask target "$1" -c 'set maintenance_work_mem = "512MB"' -c 'create index on events using gin (body)'
}

# The same chain, and the rest of the work beside its index by one process: cores that share their
# memory, or are two halves of one, are slower when both work.
chain_and_the_rest() { # database
  ask target postgres -c "create database $1"
  "$bin/pg_dump" -h "$home/source" -U postgres --section=pre-data "$1" | ask target "$1" >/dev/null
  pieces "$1" | grep ' events$' | in_parallel "$1" 'piped "$1" "$2"'
  definitions "$1" | grep gin | in_parallel "$1" "$builds_index" 1 &
  pieces "$1" | grep -v ' events$' | in_parallel "$1" 'piped "$1" "$2"' 1
  definitions "$1" | grep -v gin | in_parallel "$1" "$builds_index" 1
  wait $!
}

pgcopydb_if_there() { # contender
  command -v pgcopydb >/dev/null || return 0
  echo "$1"
  if pgcopydb clone --help 2>&1 | grep -q use-copy-binary; then echo pgcopydb_binary; fi
}

contenders() { # set
  printf '%s\n' apply_stream apply_without_proof pg_dump_and_pg_restore
  case $1 in
    # It needs more locks than max_locks_per_transaction lets it have, and then ten times as long as the others.
    many | objects) ;;
    narrow) pgcopydb_if_there pgcopydb_in_parts ;;
    *) pgcopydb_if_there pgcopydb_by_default ;;
  esac
  case $1 in
    mixed | narrow) echo by_psql ;;
    gin) printf '%s\n' chain_alone chain_and_the_rest ;;
  esac
}

# Processor seconds of both servers so far, those of ended backends included.
server_seconds() {
  local side postmaster
  for side in source target; do
    postmaster=$(head -n 1 "$home/$side/data/postmaster.pid")
    awk '{ print $14 + $15 + $16 + $17 }' "/proc/$postmaster/stat"
    pgrep -P "$postmaster" | while read -r child; do
      awk '{ print $14 + $15 }' "/proc/$child/stat" 2>/dev/null || true
    done
  done | awk -v ticks="$(getconf CLK_TCK)" '{ sum += $1 } END { print sum / ticks }'
}

# The time of a session's process is known once its server has waited for it.
until_sessions_end() {
  local side
  for side in source target; do
    until [ "$(ask "$side" postgres -c "select count(*) from pg_stat_activity where backend_type = 'client backend'")" = 1 ]; do
      sleep 0.05
    done
  done
  sleep 0.2
}

tools_seconds() { # contender
  if [[ $1 == apply_* ]]; then awk '{ sum += $1 + $2 } END { print sum + 0 }' "$home/tools/times"; else echo 0; fi
}

# Writes seconds, then processor seconds: of the servers, of itself, and of PostgreSQL's programs that
# it called.
run_once() { # database contender
  local before after
  TIMEFORMAT='%R %U %S'
  before=$(server_seconds)
  { time "$2" "$1" 2>&3; } 3>&2 2>"$home/times"
  until_sessions_end
  after=$(server_seconds)
  awk -v before="$before" -v after="$after" -v tools="$(tools_seconds "$2")" \
    '{ print $1, after - before, $2 + $3 - tools, tools }' "$home/times" >>"$home/$2"
  tail -n 1 "$home/$2" | awk -v what="$1: $2" '{
    printf "%s %.2f s; processor: servers %.2f s, itself %.2f s\n", what, $1, $2, $3 }'
}

measure() { # set
  local all turn contender
  mapfile -t all < <(contenders "$1")
  ask source postgres -c "create database $1"
  "$1"
  ask source "$1" -c 'vacuum analyze'
  ask source "$1" -c "select '$1: ' || pg_size_pretty(pg_database_size('$1'))"
  for turn in $(seq "$runs"); do
    for contender in "${!all[@]}"; do
      contender=${all[((contender + turn) % ${#all[@]})]}
      start_over "$1"
      run_once "$1" "$contender"
    done
  done
  summary "$1" "${all[@]}"
  start_over "$1"
  ask source postgres -c "drop database $1"
  (cd "$home" && rm -f "${all[@]}")
}

column_median() { cut -d' ' -f "$2" "$home/$1" | median; }

summary() { # set contender...
  local ours unproven contender cores
  ours=$(column_median apply_stream 1)
  unproven=$(column_median apply_without_proof 1)
  cores=$(nproc)
  echo "$1, medians of $runs:"
  for contender in "${@:2}"; do
    awk -v ours="$ours" -v unproven="$unproven" -v what="$contender" -v took="$(column_median "$contender" 1)" 'BEGIN {
      printf "  %-24s %7.2f s   apply_stream takes %.3f of that, without proof %.3f\n",
        what, took, ours / took, unproven / took }'
  done
  if [ "$1" = gin ]; then
    awk -v chain="$(column_median chain_alone 1)" -v all="$(column_median apply_stream 2)" -v cores="$cores" 'BEGIN {
      printf "  chain_alone is the floor where it is more than what the servers need on all cores: %.2f s, %.2f s\n",
        chain, all / cores }'
  fi
  awk -v cores="$cores" -v servers="$(column_median apply_stream 2)" -v itself="$(column_median apply_stream 3)" \
    -v tools="$(column_median apply_stream 4)" 'BEGIN {
      all = servers + itself + tools
      printf "  apply_stream itself uses %.1f%% of all processor time, pg_dump and pg_restore for it %.1f%%;",
        100 * itself / all, 100 * tools / all
      printf " the servers alone need %.2f s on %d cores\n", servers / cores, cores }'
}

sets=("$@")
[ $# -gt 0 ] || sets=(mixed gin narrow many objects)
for set in "${sets[@]}"; do
  case $set in
    mixed | gin | narrow | many | objects) ;;
    *) echo "benches/stream.sh: unknown word $set: mixed, gin, narrow, many or objects" >&2; exit 2 ;;
  esac
done
start source
start target
for set in "${sets[@]}"; do measure "$set"; done
