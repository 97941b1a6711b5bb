#!/usr/bin/env bash
# Runs every test, on a fresh Debian or Ubuntu machine with a Rust toolchain and a C compiler too.
# Never touches a PostgreSQL server that is there already: the tests start their own.
#
# usage: tests/run.sh [OPTION...]     options go to `cargo test`, such as a test's name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
command -v npm >/dev/null || missing+=(npm)

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "tests/run.sh: these packages are missing: ${missing[*]}" >&2
      echo "next: run \`sudo apt-get install ${missing[*]}\`, then tests/run.sh" >&2
      exit 1
    fi
    as_root=(sudo -n)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

tests/postgres-majors.sh
cargo test --no-fail-fast "$@"
