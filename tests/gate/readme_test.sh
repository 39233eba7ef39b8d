#!/usr/bin/env bash
# What pages show is the example that the tests run: the program of the README, in Chinese with other comments, and the
# functions of the page of deadlines.
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
  <(sed '1,/^#pragma once$/d' examples/33_redis/redis.hpp | sed 1d); then
  echo "$page: the adapter shown is not examples/33_redis/redis.hpp" >&2
  exit 1
fi
# Each function that the page of deadlines shows is one of the example that the tests run.
python3 - <<'CHECK'
import re
page, example = (open(name, encoding="utf-8").read() for name in ("docs/guide/deadlines.md", "examples/04_deadlines/main.cpp"))
shown = [re.sub(r"\A(#include .*\n|\n)+", "", each) for each in re.findall(r"^```cpp in: file\n(.*?)^```$", page, re.S | re.M)]
missing = [each for each in shown if each not in example]
if len(shown) != 3 or missing:
    raise SystemExit("docs/guide/deadlines.md: not as in examples/04_deadlines/main.cpp:\n" + "".join(missing))
CHECK
