#!/usr/bin/env bash
# Measures how many single-row transactions a second an online migration's target takes in while they
# are written to its source, beside a subscription that was made by hand.
# Never touches a PostgreSQL server that is there already: it starts two of its own, and stops them.
#
# usage: benches/sustained.sh            takes two to three minutes
# PG_BIN        the folder with PostgreSQL's programs (default: the distribution's newest)
# TARGET_BIN    the same for the target's server (default: PG_BIN)
# PROGRAM       the release build to measure (default: it is built)
# RATES         transactions a second that are offered; 0: as many as can be (default: 5000 10000 0)
# ROUNDS        how many rounds are compared by their medians (default: 3)
# SECONDS_EACH  how long each rate is offered (default: 5)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/servers.sh

readonly rates=${RATES:-5000 10000 0} rounds=${ROUNDS:-3} each=${SECONDS_EACH:-5}
readonly accounts=100000
watching=

end_own() {
  [ -z "$watching" ] || kill -KILL "$watching" 2>/dev/null || true
}

fill() {
  ask source postgres -c 'create database bench'
  ask source bench -c "
    create table accounts (id int primary key, balance bigint not null, note text not null);
    create table entries (id bigint generated always as identity primary key, account int not null,
      amount int not null, at timestamptz not null default now());
    insert into accounts select n, 0, md5(n::text) from generate_series(1, $accounts) n"
  cat >"$home/insert.sql" <<SQL
\set account random(1, $accounts)
insert into entries (account, amount) values (:account, 1);
SQL
  cat >"$home/update.sql" <<SQL
\set account random(1, $accounts)
update accounts set balance = balance + 1 where id = :account;
SQL
  cat >"$home/migrate.yaml" <<PLAN
version: 1
mode: online
source: { url: "postgres://postgres@/bench?host=$home/source" }
target: { url: "postgres://postgres@/bench?host=$home/target" }
copy: { tools: $target_bin }
PLAN
}

# The apply of a migration goes on watching while the load is on.
begin_apply() {
  "$PROGRAM" apply --yes "$home/migrate.yaml" >"$home/said" 2>&1 &
  watching=$!
  until grep -qs caught_up "$home/migrate.state/events.jsonl"; do
    kill -0 "$watching" 2>/dev/null || { cat "$home/said" >&2; exit 1; }
    sleep 0.1
  done
}

end_apply() {
  kill -TERM "$watching"
  wait "$watching" || true
  watching=
  "$PROGRAM" abort --yes "$home/migrate.yaml" >"$home/said" 2>&1 || { cat "$home/said" >&2; exit 1; }
}

begin_by_hand() {
  ask target postgres -c 'create database bench'
  "$target_bin/pg_dump" -s -h "$home/source" -U postgres bench | ask target bench >/dev/null
  ask source bench -c 'create publication by_hand for table accounts, entries'
  ask target bench -c "set client_min_messages = warning" -c "create subscription by_hand
    connection 'host=$home/source user=postgres dbname=bench' publication by_hand"
  until [ "$(ask target bench -c "select count(*) from pg_subscription_rel where srsubstate <> 'r'")" = 0 ]; do
    sleep 0.1
  done
}

end_by_hand() {
  ask target bench -c "set client_min_messages = warning" -c 'drop subscription by_hand'
  ask source bench -c 'drop publication by_hand'
  ask target postgres -c 'drop database bench'
}

# The end of the WAL, as a number.
written() { ask source bench -c "select pg_current_wal_insert_lsn() - '0/0'"; }

# The last commit of the source that the target has, as a number.
applied() {
  ask target bench -c "select pg_replication_origin_progress('pg_' || oid, false) - '0/0' from pg_subscription"
}

# Offers transactions at a rate, and keeps how many a second were written, and how many milliseconds the
# target was behind after half the time, and at the end.
offer() { # who rate
  local limit=() load tps from written_half applied_half applied_all written_all
  [ "$2" = 0 ] || limit=(--rate "$2")
  ask source bench -c checkpoint
  from=$(written)
  # What the source's own commits wait for is not what is measured.
  PGOPTIONS='-c synchronous_commit=off' "$bin/pgbench" -n -M prepared -c 4 -T "$each" "${limit[@]}" \
    -f "$home/insert.sql" -f "$home/update.sql" -h "$home/source" -U postgres bench \
    >"$home/load" 2>&1 &
  load=$!
  sleep "$(bc <<<"scale = 1; $each / 2")"
  applied_half=$(applied)
  written_half=$(written)
  wait "$load"
  applied_all=$(applied)
  written_all=$(written)
  tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$home/load")
  echo "$1 $2 $tps $from $written_half $written_all $applied_half $applied_all" |
    awk -v half="$((each * 500))" '{ print $1, $2, $3, half * ($5 - $7) / ($5 - $4), half * ($6 - $8) / ($6 - $5) }' \
      >>"$home/figures"
  until [ "$(ask source bench -c "select '0/0'::pg_lsn + $written_all - confirmed_flush_lsn < 65536
    from pg_replication_slots")" = t ]; do
    sleep 0.1
  done
}

turn() { # who
  "begin_$1"
  local rate
  for rate in $rates; do offer "$1" "$rate"; done
  "end_$1"
}

column() { # who rate column
  awk -v who="$1" -v rate="$2" -v column="$3" '$1 == who && $2 == rate { print $column }' "$home/figures" | median
}

# What a commit waits for is a part of what is measured.
start source wal_level=logical fsync=on
start target wal_level=logical fsync=on
fill
for round in $(seq "$rounds"); do
  if [ $((round % 2)) = 0 ]; then turn apply; turn by_hand; else turn by_hand; turn apply; fi
done
echo "single-row transactions a second written to the source, and how far the target is behind, medians of $rounds"
for rate in $rates; do
  for who in by_hand apply; do
    half=$(column "$who" "$rate" 4)
    end=$(column "$who" "$rate" 5)
    # By more than 50 ms in a second.
    grows=$([ "$(bc <<<"$end - $half > $each * 25")" = 1 ] && echo ", growing" || true)
    printf '  %-8s offered %-6s written %6.0f/s, behind %4.0f ms after %s s, %4.0f ms after %s s%s\n' \
      "${who/_/ }" "$([ "$rate" = 0 ] && echo all || echo "$rate")" "$(column "$who" "$rate" 3)" \
      "$half" "$(bc <<<"scale = 1; $each / 2")" "$end" "$each" "$grows"
  done
done
