#!/usr/bin/env bash
# The driver finds a planted fault, saves the input that shows it, and does the same again with the same seed.
# usage: driver_test.sh FUZZ_PLANTED
set -euo pipefail

planted=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
  printf 'FAILED: %s\n' "$*"
  cat output
  exit 1
}

mkdir corpus
printf 'harmless' >corpus/a
printf '# half a word\n"fau"\n"l\\x74"\n' >words.dict

"$planted" corpus >output 2>&1 || fail 'a corpus without the fault'
"$planted" --iterations 1000 --seed 7 corpus >output 2>&1 || fail 'no fault without the words for it'

find_fault() { "$planted" --iterations 1000000 --seed 7 --dictionary words.dict corpus >output 2>&1; }
find_fault && fail 'the fault was not found'
grep -q 'seed 7' output || fail 'the seed is not told'
grep -q 'saved as crash-fuzz_planted-7' output || fail 'the input is not saved'
grep -q 'fault' crash-fuzz_planted-7 || fail 'the input saved does not show the fault'
mv crash-fuzz_planted-7 first
"$planted" first >output 2>&1 && fail 'the input saved does not fail again'
rm -f crash-fuzz_planted-*
find_fault && fail 'not found again with the same seed'
cmp first crash-fuzz_planted-7 >output 2>&1 || fail 'the same seed led to another input'

mkdir empty
"$planted" empty >output 2>&1 && fail 'an empty corpus passes'
"$planted" --seed x corpus >output 2>&1 && fail 'a seed that is no number passes'
echo 'found, saved and found again'
