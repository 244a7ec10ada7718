#!/usr/bin/env bash
# Installs the missing packages of a group (`test`, `proxies` or `images`) in deploy/apt-packages.txt, our list of Debian packages.
set -euo pipefail
mapfile -t wanted < <(awk -v group="${1:-test}" '$1 == group { print $2 }' "$(dirname "$0")/apt-packages.txt")
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
