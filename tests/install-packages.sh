#!/usr/bin/env bash
# Installs packages of Debian or Ubuntu, or says what to install where it may not.
# Never touches a package that is not named, and never asks a question.
#
# usage: tests/install-packages.sh PACKAGE...     nothing to do without any
set -euo pipefail
[ $# -gt 0 ] || exit 0

refuse() {
  echo "error: these packages are missing: $*" >&2
  echo "next: install them or what your system has in their place, for example with \`sudo apt-get install $*\`, then run this again" >&2
  exit 1
}

command -v apt-get >/dev/null || refuse "$@"
as_root=()
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null || refuse "$@"
  as_root=(sudo -n)
fi
echo "Installing $*"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
