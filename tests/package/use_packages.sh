#!/usr/bin/env bash
# In a bare Debian: installs the packages in /root/with, then a compiler and the tools of a user's build, and nothing else;
# builds and runs the consumer. Removes the packages again. Run by scripts/check-package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export DEBIAN_FRONTEND=noninteractive
apt() { timeout 900 apt-get -o Acquire::Retries=3 -qq "$@" >/dev/null; }

mapfile -t packages < <(cd /root/with && for file in *.deb; do dpkg-deb --field "$file" Package; done)
shopt -s nullglob
without_adapters=(/root/with/lastcall_[0-9]*.deb /root/with/lastcall_{dev,runtime}_*.deb)
apt update
apt install -y --no-install-recommends "${without_adapters[@]}"
lastcall --help
dpkg-query --show libboost1.81-dev
if dpkg-query --show libpq5; then
  echo 'libpq is installed without the adapter' >&2
  exit 1
fi
apt install -y --no-install-recommends g++ cmake make pkg-config
./use_prefix.sh /usr /tmp/consumer_without_adapters

apt install -y --no-install-recommends /root/with/lastcall_*.deb
dpkg-query --show "${packages[@]}" libgrpc++-dev libhiredis-dev libpq-dev librdkafka-dev libsqlite3-dev
./use_prefix.sh /usr /tmp/consumer

apt purge -y "${packages[@]}"
left=$(find /usr /etc -path '*lastcall*')
[[ -z $left ]] || { printf 'left behind: %s\n' "$left" >&2; exit 1; }
