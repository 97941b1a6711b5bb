#!/usr/bin/env bash
# Runs every test, on a fresh Debian or Ubuntu machine with a Rust toolchain and a C compiler too.
# Never touches a PostgreSQL server that is there already: the tests start their own.
#
# usage: tests/run.sh [OPTION...]     options go to `cargo test`, such as a test's name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ -n "$(PATH=$PATH:/usr/sbin command -v pgbouncer)" ] || missing+=(pgbouncer)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
command -v npm >/dev/null || missing+=(npm)

tests/install-packages.sh ${missing[@]+"${missing[@]}"}

tests/postgres-majors.sh
# Most tests wait for servers most of their time.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
cargo test --no-fail-fast "$@"
