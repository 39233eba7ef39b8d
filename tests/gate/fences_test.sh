#!/usr/bin/env bash
# scripts/fences.py: sound pages pass, and each planted fault is found, with its page and line.
# usage: fences_test.sh [SOURCE_DIR]
# shellcheck disable=SC2016  # backquotes are the pages'
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
source_dir=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
git -C "$tree" init -q
mkdir -p "$tree/docs/design"
failures=0

expect() { # STATUS TEXT [ARGS…]: with page.md from standard input
  local status=0 wanted=$1 text=$2
  shift 2
  cat >"$tree/page.md"
  git -C "$tree" add page.md
  python3 "$source_dir/scripts/fences.py" --root "$tree" "$@" >"$tree/output" 2>&1 || status=$?
  if [[ $status != "$wanted" ]] || ! grep -qF -- "$text" "$tree/output"; then
    printf 'FAILED: expected status %s and "%s", got status %s and:\n' "$wanted" "$text" "$status"
    cat "$tree/output"
    failures=$((failures + 1))
  fi
}

expect 0 '6 fences were run, 0 failed' <<'PAGE'
# Sound
```cpp
#include <string>

using words = std::string;
const words said = "…";
```
```cpp in: file
int twice(int n) { return 2 * n; }
```
```cpp
return twice(static_cast<int>(words("abc").size()));
```
```cpp
#include <cstdio>

int main() { std::puts("ends by itself"); }
```
```sh serves
python3 -c 'import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print("listening on http://127.0.0.1:1", flush=True); signal.pause()'
```
```sh
touch made && test -e page.md
```
```text
what it printed
```
```sh norun: scripts/demo
false
```
PAGE
if [[ -e $tree/made ]]; then
  echo 'FAILED: a command of a page wrote into the tree'
  failures=$((failures + 1))
fi

expect 1 'page.md:2: a fence without a language' <<<$'# One\n```\nls\n```'
expect 1 'page.md:2: a fence without a language' --only-read <<<$'# One\n```\nls\n```'
expect 1 'page.md:1: a fence without an end' <<<$'```sh\nls'
expect 1 'page.md:1: nobody knows the language bash' <<<$'```bash\nls\n```'
expect 1 'page.md:1: "norun: " needs a reason' <<<$'```sh norun\nls\n```'
expect 1 'page.md:1: "norun: " needs a reason' <<<$'```sh norun: it is slow\nls\n```'
expect 0 '0 fences were run, 0 failed' <<<$'```sh norun: needs systemd\nfalse\n```'
expect 1 'page.md:1: yaml can'\''t be run here' <<<$'```yaml\na: 1\n```'
expect 1 'page.md:1: what is "in: haste"' <<<$'```cpp in: haste\n```'
expect 1 'page.md:1: is no JSON' <<<$'```json\n{"a": }\n```'
expect 1 'page.md:1: the commands failed (3)' <<<$'```sh\nexit 3\n```'
expect 1 'page.md:1: the commands failed (1)' <<<$'```sh\nfalse\ntrue\n```'
expect 1 'page.md:4: does not compile' <<<$'```cpp\n#include <string>\n\nstd::string s = 1;\n```'
# What a later fence includes is not there yet.
expect 1 'page.md:2: does not compile' <<<$'```cpp\nstd::string s;\n```\n```cpp\n#include <string>\n```'
expect 1 'page.md:1: the compiler failed' <<<$'```cpp\nint main() { return none; }\n```'
expect 1 'page.md:1: it does not say where it listens' <<<$'```cpp\nint main() { return 1; }\n```'
expect 1 'page.md:1: it does not say where it listens' <<<$'```sh serves\nfalse\n```'
expect 1 'page.md:1: a fence begins with ```, not with ~~~' <<<$'~~~sh\nls\n~~~'
expect 0 '1 fences were run, 0 failed' <<<$'```text\n~~~\n```\n```sh\ntrue\n```'
expect 1 'page.md:1: what serves is one command' <<<$'```sh serves\nfalse\ntrue\n```'
expect 1 'page.md:1: it does not say where it listens' <<<$'```sh serves\nfalse \\\n  true\n```'
expect 1 'nowhere.md: there is no such page' nowhere.md <<<'nothing'
# A proxy of the one that runs this is not asked for what is on this machine.
http_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 expect 0 '1 fences were run, 0 failed' <<'PAGE'
```sh
! env | grep -i '_proxy='
```
PAGE
expect 1 'page.md:1: told to stop, it ended with' <<'PAGE'
```sh serves
sh -c 'echo listening on http://127.0.0.1:1; exec sleep 99'
```
PAGE
expect 1 'page.md:1: cmake failed' <<<$'```cmake\ntarget_link_libraries(service PRIVATE)\nno_such_command()\n```'

# Design pages show parts: they are read, and not run.
printf '```cpp\nclass part { … };\n```\n' >"$tree/docs/design/part.md"
git -C "$tree" add docs
expect 0 '0 fences were run, 0 failed' <<<'nothing'
printf '```\nclass part { … };\n```\n' >"$tree/docs/design/part.md"
expect 1 'docs/design/part.md:1: a fence without a language' <<<'nothing'

((failures == 0)) && echo 'every planted fault was found'
