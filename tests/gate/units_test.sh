#!/usr/bin/env bash
# units_test.sh ROOT: systemd itself finds nothing wrong with the units, and nothing open that could be shut. When the
# service is killed is said twice, alike.
set -euo pipefail
root=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

cp "$root"/deploy/systemd/* "$folder"
sed -i "s|^ExecStart=/usr/bin/shop|ExecStart=/bin/true|" "$folder/shop.service" # what is verified must be there

said=$(systemd-analyze verify "$folder/shop.service" "$folder/shop.socket" 2>&1) || fail "verify: $said"
[[ -z $said ]] || fail "verify is not silent: $said"
systemd-analyze security --offline=true --threshold=20 "$folder/shop.service" >"$folder/security" 2>&1 ||
  fail "security: $(tail -n 1 "$folder/security")"

agrees() {
  local stop kill
  stop=$(sed -n 's/^TimeoutStopSec=//p' "$1")
  kill=$(sed -n 's/^Environment=LASTCALL_KILL_AFTER=\(.*\)s$/\1/p' "$1")
  [[ -n $stop && $stop == "$kill" ]]
}
agrees "$folder/shop.service" || fail 'TimeoutStopSec= and LASTCALL_KILL_AFTER differ'

# A planted difference is found, and so is a word that systemd does not know.
sed 's/^TimeoutStopSec=.*/TimeoutStopSec=10/' "$folder/shop.service" >"$folder/planted.service"
! agrees "$folder/planted.service" || fail 'a planted difference is not seen'
sed 's/^Restart=.*/Restart=perhaps/' "$folder/shop.service" >"$folder/planted.service"
[[ -n $(systemd-analyze verify "$folder/planted.service" 2>&1) ]] || fail 'a planted mistake is not seen'
