#!/usr/bin/env bash
# docs/life-of-a-shutdown.md: each step names a file, a report field and a test, and all of them are there.
# usage: life_test.sh [SOURCE_DIR]
# shellcheck disable=SC2016  # backquotes are the page's
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
page=docs/life-of-a-shutdown.md
failures=0

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  failures=$((failures + 1))
}

# missing PAGE: a line for each thing that it names and that is not there.
missing() {
  local line number step what file field test rest name steps=0
  while IFS= read -r line; do
    [[ $line =~ ^\|\ [0-9]+a?\ \| ]] || continue
    steps=$((steps + 1))
    IFS='|' read -r _ number step what file field test rest <<<"$line"
    number=${number// /}
    [[ -n ${what// /} && -z ${rest// /} ]] || echo "step $number: six columns are wanted"
    grep -q '`' <<<"$file" || echo "step $number:$step: names no file"
    grep -q '`' <<<"$field" || echo "step $number:$step: names no report field"
    grep -q '`' <<<"$test" || echo "step $number:$step: names no test"
    while read -r name; do
      case $name in
        */*) [[ -f lastcall/$name ]] || echo "step $number: no file lastcall/$name" ;;
        *::*) grep -rqw --include='*.hpp' -- "${name##*::}" lastcall || echo "step $number: nothing is called $name" ;;
        *) echo "step $number: what is $name?" ;;
      esac
    done < <(quoted "$file")
    while read -r name; do
      grep -rqF --include='*.cpp' --exclude='*_test.cpp' -- "\"${name##*.}\"" lastcall || echo "step $number: nothing reports $name"
      [[ $name == *.fields.* ]] || grep -qF -- "${name##*.}" docs/report.md || echo "step $number: docs/report.md does not know $name"
    done < <(quoted "$field")
    while read -r name; do
      [[ -f lastcall/$name.cpp || -f tests/$name.cpp ]] || echo "step $number: no test $name"
    done < <(quoted "$test")
  done <"$1"
  ((steps >= 15)) || echo "only $steps steps were found: has the table another form?"
}

# What stands in backquotes, a line each.
quoted() { grep -o '`[^`]*`' <<<"$1" | tr -d '`' || true; }

while read -r line; do fail "$page: $line"; done < <(missing "$page")

# It can fail: each planted fault is found.
planted=$(mktemp)
trap 'rm -f "$planted"' EXIT
plant() { # SED_EXPRESSION TEXT
  sed "$1" "$page" >"$planted"
  cmp -s "$page" "$planted" && fail "planting $1 changed nothing"
  grep -qF -- "$2" <<<"$(missing "$planted")" || fail "planted $1, and nobody said: $2"
}
plant 's|`core/exit/watchdog.cpp`|`core/watchcat.cpp`|' 'no file lastcall/core/watchcat.cpp'
plant 's|`core/report/report_test`|`core/report_tests`|' 'no test core/report_tests'
plant 's|`hung`|`hanging_about`|' 'nothing reports hanging_about'
plant '/^| 9 /s/`net[^|]*|/ |/' 'names no file'

((failures == 0)) && echo 'all that the page names is there'
