#!/usr/bin/env bash
# Measures what `apply` costs on top of pg_dump and pg_restore, and how much memory it takes.
# Never touches a PostgreSQL server that is there already: it starts two of its own, and stops them.
#
# usage: benches/offline.sh [time|memory|all]      default: all; takes some minutes and 5 GB of disk
# PG_BIN   the folder with PostgreSQL's programs (default: the distribution's newest)
# PROGRAM  the release build to measure (default: it is built)
# METHOD   how rows travel: dump or stream (default: dump)
# PAIRS    how many pairs of runs are compared by their medians (default: 5)
# ROWS     how many events the database has (default: 2000000, about 1 GB with SCALE)
# SCALE    of pgbench's tables (default: 30)
# TABLES   how many tables the database for the memory has (default: 5000)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/servers.sh

readonly what=${1:-all} pairs=${PAIRS:-5} rows=${ROWS:-2000000} scale=${SCALE:-30} tables=${TABLES:-5000}
readonly method=${METHOD:-dump}
readonly most_memory_kib=65536 # 64 MiB

write_plan() { # database, more keys
  cat >"$home/migrate.yaml" <<PLAN
version: 1
source: { url: "postgres://postgres@/$1?host=$home/source" }
target: { url: "postgres://postgres@/$1?host=$home/target" }
copy: { method: $method, jobs: 2, tools: $bin }
$2
PLAN
}

# Runs apply to its end; sets `memory`, the most that it had at once, in KiB. To look takes processor
# time of its own, so no run is both timed and weighed.
weighed_apply() {
  "$PROGRAM" apply --yes "$home/migrate.yaml" >"$home/said" 2>&1 &
  local process=$! now
  memory=0
  while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$process/status" 2>/dev/null) && [ -n "$now" ]; do
    memory=$now
    sleep 0.02
  done
  wait "$process" || { cat "$home/said" >&2; exit 1; }
}

# What the run's own steps took that pg_dump and pg_restore take too; nothing tells that of streams,
# which run beside each other.
moved() {
  if [ "$method" = stream ]; then tail -n 1 "$home/whole"; return; fi
  grep -E '"step":"(dump|restore)\.run","event":"step_done"' "$home/migrate.state/events.jsonl" |
    sed 's/.*"seconds":\([0-9.e-]*\).*/\1/' | awk '{ sum += $1 } END { print sum }'
}

plain() {
  "$bin/pg_dump" -h "$home/source" -U postgres -Fd -j2 -Z1 -f "$home/dump" bench
  ask target postgres -c 'create database bench'
  "$bin/pg_restore" -h "$home/target" -U postgres -j2 -d bench "$home/dump"
}

time_it() {
  ask source postgres -c 'create database bench'
  ask source bench -c "
    create table events (id bigint primary key, at timestamptz not null, who uuid not null,
      amount numeric(12, 2) not null, body jsonb not null);
    insert into events
    select n, timestamptz '2024-01-01 00:00:00+00' + n * interval '7 s', md5(n::text)::uuid, n % 100000 / 7.0,
      jsonb_build_object('kind', n % 17, 'path', '/shop/' || md5((n % 5000)::text), 'tags', array[n % 3, n % 5])
    from generate_series(1, $rows) n;
    create index on events (at);
    create index on events (who)"
  "$bin/pgbench" -i -q -s "$scale" -h "$home/source" -U postgres bench >/dev/null 2>&1
  ask source bench -c 'vacuum analyze' -c "select pg_size_pretty(pg_database_size('bench'))"
  write_plan bench 'restore: { statistics: off }'
  : >"$home/plain"; : >"$home/moved"; : >"$home/whole"
  local began took
  for pair in $(seq "$pairs"); do
    for turn in 0 1; do
      start_over bench
      began=$(seconds)
      if [ $(((pair + turn) % 2)) = 0 ]; then
        plain
        took=$(since "$began")
        echo "$took" >>"$home/plain"
        echo "pair $pair: pg_dump and pg_restore $took s"
      else
        apply
        took=$(since "$began")
        echo "$took" >>"$home/whole"
        moved >>"$home/moved"
        echo "pair $pair: apply $took s, dump and restore $(tail -n 1 "$home/moved") s"
      fi
    done
  done
  local by_hand
  by_hand=$(median <"$home/plain")
  echo "medians of $pairs: pg_dump and pg_restore $by_hand s"
  for kind in moved whole; do
    median <"$home/$kind" | awk -v by_hand="$by_hand" -v kind="$kind" '{
      printf "  apply, %s: %.2f s, %.3f of that\n",
        kind == "moved" ? "dump and restore alone" : "with snapshot, counts and proof", $1, $1 / by_hand }'
  done
  start_over bench
  ask source postgres -c 'drop database bench'
}

weigh_it() {
  ask source postgres -c 'create database many'
  for from in $(seq 1 500 "$tables"); do
    ask source many -c "do \$\$ begin for n in $from..least($from + 499, $tables) loop
      execute format('create table t%s (id bigint primary key, name text not null,
        at timestamptz default now(), amount numeric check (amount >= 0))', n);
      execute format('create index on t%s (name)', n);
      execute format('insert into t%s (id, name) values (1, ''x'')', n); end loop; end \$\$"
  done
  write_plan many 'verify: rows'
  start_over many
  weighed_apply
  echo "$tables tables: apply took at most $memory KiB of memory"
  start_over many
  if [ "$memory" -gt "$most_memory_kib" ]; then
    echo "that is more than $most_memory_kib KiB" >&2
    exit 1
  fi
}

start source
start target
case $what in
  time) time_it ;;
  memory) weigh_it ;;
  all) time_it; weigh_it ;;
  *) echo "benches/offline.sh: unknown word $what: time, memory or all" >&2; exit 2 ;;
esac
