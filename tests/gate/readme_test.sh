#!/usr/bin/env bash
# The program in the README is the example that the tests run.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
shown=$(awk '/^```cpp$/ {inside = 1; next} /^```$/ {if (inside) exit} inside' README.md)
built=$(grep -v '^// ' examples/01_hello/main.cpp)
if [[ -z $shown || $shown != "$built" ]]; then
  diff <(printf '%s\n' "$shown") <(printf '%s\n' "$built") || true
  echo "README.md: the program shown is not examples/01_hello/main.cpp" >&2
  exit 1
fi
