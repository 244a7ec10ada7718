#!/usr/bin/env bash
# Installs what is missing of deploy/apt-packages.txt, the one list of Debian packages that the tests need.
set -euo pipefail
mapfile -t wanted < <(grep -vE '^\s*(#|$)' "$(dirname "$0")/apt-packages.txt")
missing=()
for package in "${wanted[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
((${#missing[@]})) || exit 0
command -v apt-get >/dev/null || { echo "please install with your package manager: ${missing[*]}" >&2; exit 1; }
as_root=()
((EUID == 0)) || as_root=(sudo)
echo "→ installing Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
