#!/usr/bin/env bash
# docs/life-of-a-shutdown.md and docs/life-of-a-request.md: each step names files, functions, report fields and tests, and
# all of them exist.
# usage: life_test.sh [SOURCE_DIR]
# shellcheck disable=SC2016  # backquotes are the page's
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
failures=0

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  failures=$((failures + 1))
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
grep -rhoE --include='*.[ch]pp' --exclude='*_test.[ch]pp' '"[a-z_0-9]+"' lastcall | sort -u >"$scratch/texts"  # of our code

# What stands in backquotes, a line each.
quoted() { grep -o '`[^`]*`' <<<"$1" | tr -d '`' || true; }

# Whether FILE declares or defines the function NAME. A call is neither.
has_function() { # FILE NAME
  grep -qP '^\s*(?!(return|co_\w+|throw|if|else|for|while|switch|case|new|delete)\b)[A-Za-z_[][\w:<>,&*~\[\] ]*?[ *&:](?<!std::)'"$2"'\(' <(sed 's|//.*||' "$1")
}

# missing PAGE: a line for each thing that it names and that does not exist.
# The first page needs a report field in each step; in the others a dash says that nothing is counted.
missing() {
  local page=$1 line number step what where field test rest name file steps=0
  while IFS= read -r line; do
    [[ $line == '|'* && $line != '| # |'* && $line != '|---'* ]] || continue
    steps=$((steps + 1))
    IFS='|' read -r _ number step what where field test rest <<<"$line"
    number=${number// /}
    [[ $number =~ ^[A-Z]?[0-9]+[a-z]?$ ]] || echo "step $number: is no number"
    [[ -n ${what// /} && -z ${rest// /} ]] || echo "step $number: six columns are wanted"
    grep -q '`[^`]*/' <<<"$where" || echo "step $number:$step: names no file"
    grep -q '`' <<<"$field" || [[ ${field// /} == '–' ]] || echo "step $number:$step: names no report field"
    grep -q '`' <<<"$test" || echo "step $number:$step: names no test"
    file=
    while read -r name; do
      case $name in
        */*)
          file=lastcall/$name
          [[ -f $file ]] || echo "step $number: no file $file"
          ;;
        *::*) grep -rqw --include='*.hpp' -- "${name##*::}" lastcall || echo "step $number: nothing is called $name" ;;
        *)
          [[ $name =~ ^[a-z_0-9]+$ && -n $file ]] || echo "step $number: what is $name?"
          [[ ! -f $file ]] || has_function "$file" "$name" || echo "step $number: no function $name in $file"
          ;;
      esac
    done < <(quoted "$where")
    while read -r name; do
      grep -qxF -- "\"${name##*.}\"" "$scratch/texts" || echo "step $number: nothing reports $name"
      case $name in
        *.fields.*) ;;
        lastcall_*) grep -rqF -- "$name" docs/guide || echo "step $number: docs/guide does not know $name" ;;
        access.*) grep -qF -- " ${name##*.}=" docs/guide/operate.md || echo "step $number: docs/guide/operate.md does not know $name" ;;
        *) grep -qF -- "${name##*.}" docs/report.md || echo "step $number: docs/report.md does not know $name" ;;
      esac
    done < <(quoted "$field")
    while read -r name; do
      [[ -f lastcall/$name.cpp || -f tests/$name.cpp ]] || echo "step $number: no test $name"
    done < <(quoted "$test")
  done <"$page"
  ((steps >= 15)) || echo "only $steps steps were found: has the table another form?"
}

# It can fail: each planted fault is found. Only the lines that it changes are looked at.
plant() { # SED_EXPRESSION TEXT
  sed "$1" "$page" | grep -vxFf "$page" >"$scratch/planted" || fail "$page: planting $1 changed nothing"
  grep -qF -- "$2" <<<"$(missing "$scratch/planted")" || fail "$page: planted $1, and nothing said: $2"
}

page=docs/life-of-a-shutdown.md
while read -r line; do fail "$page: $line"; done < <(missing "$page")
plant 's|`core/exit/watchdog.cpp`|`core/watchcat.cpp`|' 'no file lastcall/core/watchcat.cpp'
plant 's|`core/report/report_test`|`core/report_tests`|' 'no test core/report_tests'
plant 's|`hung`|`hanging_about`|' 'nothing reports hanging_about'
plant '/^| 9 /s/`net[^|]*|/ |/' 'names no file'

page=docs/life-of-a-request.md
while read -r line; do fail "$page: $line"; done < <(missing "$page")
plant 's|`http/routing/router.cpp` `match`|`http/router.cpp` `match`|' 'no file lastcall/http/router.cpp'
plant 's|`http/routing/router.cpp` `match`|`http/routing/router.cpp` `find`|' 'no function find in lastcall/http/routing/router.cpp'
# A function that the file only calls.
plant 's|`http/h1/h1_connection.cpp` `read_head`|`http/h1/h1_connection.cpp` `parse_head`|' 'no function parse_head in lastcall/http/h1/h1_connection.cpp'
plant 's|`http/h1/h1_parser_test`|`http/parser_test`|' 'no test http/parser_test'
plant 's|`requests.begun`|`requests.undertaken`|' 'nothing reports requests.undertaken'
plant 's|`lastcall_responses_total`|`lastcall_answers_total`|' 'nothing reports lastcall_answers_total'
plant 's|`access.ms`|`access.duration`|' 'nothing reports access.duration'
plant '/^| D4 /s/`net[^|]*|/ |/' 'names no file'
plant '/^| 12 /s/| – |/| |/' 'names no report field'

((failures == 0)) && echo 'all that the pages name exists'
