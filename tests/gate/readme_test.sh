#!/usr/bin/env bash
# The program in the README is the example that the tests run. In Chinese its comments are others.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
program_of() { awk '/^```cpp$/ {inside = 1; next} /^```$/ {if (inside) exit} inside' "$1"; }
shown=$(program_of README.md)
built=$(grep -v '^// ' examples/01_hello/main.cpp)
if [[ -z $shown || $shown != "$built" ]]; then
  diff <(printf '%s\n' "$shown") <(printf '%s\n' "$built") || true
  echo "README.md: the program shown is not examples/01_hello/main.cpp" >&2
  exit 1
fi
uncommented() { sed -E 's|^ +//.*$||; s|  //.*$||'; }
if ! diff <(program_of README.zh-CN.md | uncommented) <(printf '%s\n' "$built" | uncommented); then
  echo "README.zh-CN.md: the program shown is not examples/01_hello/main.cpp" >&2
  exit 1
fi
# So is the adapter of the guide.
page=docs/guide/write-your-own-adapter.md
if ! diff <(awk '/^```cpp in: file$/ {inside = 1; next} /^```$/ {if (inside) exit} inside' "$page") \
  <(sed '1,/^#pragma once$/d' examples/31_redis/redis.hpp | sed 1d); then
  echo "$page: the adapter shown is not examples/31_redis/redis.hpp" >&2
  exit 1
fi
