#!/usr/bin/env bash
# scripts/check: a sound tree passes, and each planted violation fails the check that is there to find it.
# usage: check_test.sh SOURCE_DIR
# shellcheck disable=SC2016  # backquotes are the pages', ${…} is CMake's, and the planted script is to be taken literally
set -euo pipefail

source_dir=$1
check=$source_dir/scripts/check
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
mkdir "$tree"
failures=0

plant() { # FILE CONTENT: into the tree, known to git
  mkdir -p "$tree/$(dirname "$1")"
  printf '%s\n' "$2" >"$tree/$1"
  git -C "$tree" add -- "$1"
}

uproot() { git -C "$tree" rm -q --cached -- "$1" && rm "$tree/$1"; }

expect() { # STATUS TEXT CHECK [ARGS…]: the check ends with STATUS and says TEXT
  local status=0 wanted=$1 text=$2
  shift 2
  "$check" --root "$tree" "$@" >"$tree/output" 2>&1 || status=$?
  if [[ $status != "$wanted" ]] || ! grep -qF -- "$text" "$tree/output"; then
    printf 'FAILED: check %s: expected status %s and "%s", got status %s and:\n' "$*" "$wanted" "$text" "$status"
    cat "$tree/output"
    failures=$((failures + 1))
  fi
}

refuses() { # CHECK FILE CONTENT TEXT: fails with the planted file, and passes again without it
  plant "$2" "$3"
  expect 1 "$4" "$1"
  uproot "$2"
  expect 0 "passed: $1" "$1"
}

git -C "$tree" init -q
cp "$source_dir/.clang-format" "$tree/"
plant lastcall/core/gate.hpp '#pragma once'
plant lastcall/net/loop/loop.cpp '#include <boost/asio.hpp>

#include "lastcall/core/gate.hpp"'
plant lastcall/http/requests/shard.cpp '#include <boost/asio.hpp>'
plant lastcall/core/gate_test.cpp '#include <gtest/gtest.h>

#include "lastcall/testing/relay.hpp"'
expect 0 'passed: rooms' rooms

refuses rooms lastcall/core/a.hpp '#include "lastcall/net/loop/loop.hpp"' 'lastcall/core/a.hpp:1: core may not include lastcall/net/loop/loop.hpp'
refuses rooms lastcall/core/a.cpp '#include <boost/asio.hpp>' 'core stands on the standard library'
refuses rooms lastcall/core/a.cpp '#include <openssl/ssl.h>' 'core stands on the standard library'
refuses rooms lastcall/net/a.cpp '#  include "lastcall/http/routing/router.hpp"' 'net may not include lastcall/http/routing/router.hpp'
refuses rooms lastcall/http/h1/a.cpp '#include "lastcall/cli/probe/probe.hpp"' 'http/h1 may not include lastcall/cli/probe/probe.hpp'
refuses rooms lastcall/testing/a.cpp '#include <lastcall/net/loop/loop.hpp>' 'testing may not include lastcall/net/loop/loop.hpp'
refuses rooms lastcall/net/a.hpp '#include "loop.hpp"' 'write the path from the root'
refuses rooms lastcall/http/h1/a.cpp '#include <boost/beast/core.hpp>' 'Beast is only what tests/fuzz compares with'
refuses rooms lastcall/cloud/a.cpp '#include <string>' 'room cloud is not in the table'
# Within a module: up, and to a sibling.
refuses rooms lastcall/core/lifecycle/a.hpp '#include "lastcall/core/exit/watchdog.hpp"' 'core/lifecycle may not include lastcall/core/exit/watchdog.hpp'
refuses rooms lastcall/http/h1/a.cpp '#include "lastcall/http/h2/h2_session.hpp"' 'http/h1 may not include lastcall/http/h2/h2_session.hpp'
refuses rooms lastcall/http/h1/a.cpp '#include "lastcall/http/server/server_test.hpp"' 'only tests include'
refuses rooms lastcall/http/h1/a.cpp '#include "lastcall/http.hpp"' 'an umbrella header is for programs'
refuses rooms examples/a.cpp '#include "lastcall/http/server/server.hpp"' 'programs include lastcall/*.hpp only'
plant lastcall/http/message/a.hpp '#include <boost/asio/ip/tcp.hpp>'
refuses rooms lastcall/http.hpp '#include "lastcall/http/message/a.hpp"' 'shows Boost to programs that have no coroutines'
uproot lastcall/http/message/a.hpp

# What is installed is what umbrella headers reach, however far.
plant lastcall/app.hpp '#include "lastcall/core/gate.hpp"'
plant cmake/public_headers.txt 'lastcall/app.hpp
lastcall/core/gate.hpp'
expect 0 'passed: installed' installed
plant lastcall/core/gate.hpp '#include "lastcall/core/a.hpp"'
plant lastcall/core/a.hpp '#pragma once'
expect 1 'lastcall/core/a.hpp is not in it, but lastcall/core/gate.hpp includes it' installed
(cd "$tree" && "$source_dir/scripts/public_headers.py" --write && git add cmake)
expect 0 'passed: installed' installed
plant lastcall/core/gate.hpp '#pragma once'
expect 1 'lastcall/core/a.hpp is in it, but no umbrella header reaches it' installed
uproot lastcall/core/a.hpp
uproot lastcall/app.hpp
uproot cmake/public_headers.txt

# Each public name stands in the list of the version, and no detail type among them.
if command -v clang++-19 >/dev/null; then
  plant lastcall/core/report/version.hpp '#define LASTCALL_VERSION_MAJOR 3
#define LASTCALL_VERSION_MINOR 1'
  plant lastcall/app.hpp '#include "lastcall/core/a.hpp"
#include "lastcall/core/report/version.hpp"'
  plant lastcall/core/a.hpp '#pragma once
namespace lastcall::inline v0 {
namespace detail { struct inner {}; }
enum class way { left, right = 3 };
template <class T> class a : public T {
 public:
  explicit a(int n = sizeof(int[2])) : n_{n}, m_(n) {}  // its body is of no interest
  int n() const { return n_; }
  friend bool operator==(const a&, const a&) { return true; }
  int x = 1, y{};
 protected:
  virtual void told(way w) noexcept = 0;
 private:
  int n_, m_;
};
template <class T> int late(T&& t) { return a<T>(t).n(); }
template <class T> concept small = sizeof(T) < sizeof(detail::inner) + 8;
}'
  (cd "$tree" && "$source_dir/scripts/api.py" --write && git add api)
  diff "$tree/api/3.1.txt" - <<'NAMES' || failures=$((failures + 1))
#define: LASTCALL_VERSION_MAJOR
#define: LASTCALL_VERSION_MINOR
lastcall: namespace
lastcall: template <class T> class a : public T
lastcall: template <class T> int late(T&& t)
lastcall: template <class T> concept small
lastcall: enum class way
lastcall::a: explicit a(int n = sizeof(int[2]))
lastcall::a: int n() const
lastcall::a: friend bool operator==(const a&, const a&)
lastcall::a: virtual void told(way w) noexcept = 0
lastcall::a: int x = 1
lastcall::a: int y
lastcall::way: left
lastcall::way: right = 3
NAMES
  expect 0 'passed: api' api
  plant lastcall/core/a.hpp '#pragma once
namespace lastcall::detail { struct inner {}; }
namespace lastcall { detail::inner shown(); }'
  expect 1 '-lastcall::a: int n() const' api
  expect 1 'a detail type is shown: lastcall: detail::inner shown()' api
  for file in lastcall/core/{a,report/version}.hpp lastcall/app.hpp api/3.1.txt; do uproot "$file"; done
fi

expect 0 'passed: sizes' sizes
refuses sizes examples/shop/a.cpp "$(for ((i = 0; i < 400; ++i)); do printf '// a line\n\n\n'; done; echo '// one more')" 'examples/shop: 1201 lines'
refuses sizes lastcall/net/a.cpp "$(yes '// one of many' | head -n 451)" 'lastcall/net/a.cpp: more than 450 lines'
for n in {1..49}; do plant "lastcall/crowded/a$n.cpp" ''; done
expect 1 'lastcall/crowded: 49 files in one folder' sizes
for n in {1..49}; do uproot "lastcall/crowded/a$n.cpp"; done
refuses names lastcall/net/a.cpp 'int heir = 0;  // not a word here' 'int heir = 0;'
refuses names lastcall/net/a.cpp 'int n = s.on().of();' 's.on().of()'
expect 0 'passed: names' names

refuses caught lastcall/net/a.cpp 'try {
} catch (...) {
  error = true;
}' 'lastcall/net/a.cpp:2: catch (...) without caught() or throw;'
refuses caught lastcall/core/a.cpp 'const auto e = std::current_exception();' 'lastcall/core/a.cpp:1: use caught()'
plant lastcall/core/sound.cpp 'try {
} catch (...) {
  if (x) { y(); }
  error = caught();
}
try {} catch (...) {  // caught: it has a name
}'
expect 0 'passed: caught' caught
uproot lastcall/core/sound.cpp  # it is not formatted

if command -v clang++-19 >/dev/null; then
  refuses clang lastcall/odd.hpp '#pragma once
struct odd { virtual void f(); };' 'non-virtual destructor'
fi
if command -v clang-format-19 >/dev/null; then
  plant lastcall/net/sound.cpp 'namespace lastcall::inline v0::net {
int answer() { return 42; }
}  // namespace lastcall::inline v0::net'
  refuses format lastcall/net/a.cpp 'int   main( ){return 0 ;}' 'code should be clang-formatted'
fi
if command -v shellcheck >/dev/null; then
  refuses shell scripts/a '#!/bin/bash
rm -r $1/*' 'SC2086'
fi

refuses pages odd.md '```
ls
```' 'odd.md:1: a fence without a language'

wide=$(printf 'a word %.0s' {1..20})
refuses pages odd.md "$wide" 'odd.md:1: wider than 120 columns'
refuses pages odd.md "- an item

- $wide" 'odd.md:3: wider than 120 columns'
plant odd.md "| $wide |
|---|
## $wide
\`\`\`text
$wide
\`\`\`
[$(tr ' ' '_' <<<"$wide")](of.md)"
expect 0 'passed: pages' pages
uproot odd.md

cp "$source_dir/cmake/header_checks.cmake" "$tree/"
plant CMakeLists.txt 'cmake_minimum_required(VERSION 3.25)
project(planted LANGUAGES CXX)
include(header_checks.cmake)
lastcall_header_checks(header_checks ${PROJECT_SOURCE_DIR})'
headers() { # STATUS TEXT: configures anew and builds the headers of the tree
  cmake -S "$tree" -B "$tree/build" -G Ninja >/dev/null
  expect "$1" "$2" headers --build "$tree/build"
}
headers 0 'passed: headers'
plant lastcall/core/needy.hpp '#pragma once
inline std::string needy() { return {}; }'
headers 1 'needy.hpp'
uproot lastcall/core/needy.hpp
plant lastcall/core/unguarded.hpp 'struct unguarded {};'
headers 1 'unguarded.hpp'
uproot lastcall/core/unguarded.hpp
plant lastcall/core/shadow.hpp '#pragma once
inline int shadow(int n) { for (int i = 0; i < n; ++i) { int n = i; (void)n; } return n; }'
headers 1 'shadow'
plant lastcall/core/tests_own_test.hpp 'struct a_tests_own_and_unchecked : nothing {};'
uproot lastcall/core/shadow.hpp
headers 0 'passed: headers'

if command -v doxygen >/dev/null; then
  mkdir "$tree/docs"
  touch "$tree"/{README,README.zh-CN,CHANGELOG,CONTRIBUTING}.md
  cp "$source_dir/docs/CMakeLists.txt" "$source_dir/docs/Doxyfile.in" "$tree/docs/"
  printf 'add_subdirectory(docs)\n' >>"$tree/CMakeLists.txt"
  plant lastcall/core/documented.hpp '#pragma once
/// As it should be.
inline int documented(int n) { return n; }'
  headers 0 'passed: headers'
  expect 0 'passed: docs' docs --build "$tree/build"
  plant lastcall/core/documented.hpp '#pragma once
/// \param m is not there
inline int documented(int n) { return n; }'
  expect 1 'documented.hpp' docs --build "$tree/build"
fi

# The tables of the docs, held against a copy of the code.
tree=$scratch/whole
mkdir -p "$tree/docs"
cp -r "$source_dir/lastcall" "$tree/"
cp -r "$source_dir"/docs/{guide,man} "$source_dir"/docs/{report,limits,probe}.md "$tree/docs/"
expect 0 'passed: tables' tables
changed() { # FILE SED_EXPRESSION TEXT: fails when the file is changed so
  cp "$tree/$1" "$scratch/kept"
  sed -i "$2" "$tree/$1"
  expect 1 "$3" tables
  cp "$scratch/kept" "$tree/$1"
}
code=lastcall/core/exit/exit_code.hpp
changed $code 's|^inline constexpr int hung = 4;.*|&\ninline constexpr int odd = 5;  ///< new|' 'the table of exit codes'
changed $code 's|^inline constexpr int hung = 4;.*|&\ninline constexpr int odd = 5;|' 'the table of exit codes'
changed docs/man/lastcall.1 's/^\.B 5/.B 6/' '6 is no exit code'
changed lastcall/cli/probe/probe_options.cpp 's/, 5 could/, 6 could/' '6 is no exit code'
changed docs/report.md 's/^| 3 | `forced`/| 2 | `forced`/' 'the table of exit codes'
code=lastcall/net/tls/tls_context.cpp
changed $code 's/"lastcall_tls_resumed_total"/"lastcall_tls_new_total"/' 'no row for the metric lastcall_tls_new_total'
changed $code 's/{{"end", "done"}}/{{"ending", "done"}}/' 'metric lastcall_tls_handshakes_total: the code has'
changed docs/guide/operate.md 's/`lastcall_ready`/`lastcall_ready`, `lastcall_unready`/' 'lastcall_unready is no metric'
changed $code 's/into.add("tls_resumed"/into.add("tls_new"/' 'no row for the field tls_new'
changed $code 's/into.add("tls_failed_" +/into.add("tls_odd_" +/' 'no row for the field tls_odd_…'
changed docs/report.md 's/^| `errors`/| `errors`, `faults`/' 'faults is no field'
code=lastcall/http/message/limits.hpp
changed $code 's/head_bytes = 16 \*/head_bytes = 17 */' 'head_bytes: the code has'
changed $code 's/^  std::size_t max_streams.*/&\n  std::size_t odd_count = 7;/' 'no row for the limit'
changed lastcall/http/message/limits.cpp 's/"header_count", l.header_count, 1, /"header_count", l.header_count, 2, /' 'header_count: the code has'
changed lastcall/http/files/file.hpp 's/^struct file_options {/struct odd_options {\n};\n\n&/' 'does not try odd_options'
changed docs/limits.md 's/^| `idle_close_after` | 75 s/| `idle_close_after` | 76 s/' 'idle_close_after: the code has'
changed lastcall/core/app/settings.cpp 's/"LASTCALL_RESERVE")/"LASTCALL_KEEP")/' 'no row for the variable LASTCALL_KEEP'
changed docs/guide/operate.md 's/^| `LASTCALL_LOG`/| `LASTCALL_LOGS`/' 'LASTCALL_LOGS is no variable'
changed lastcall/http/server/server.cpp 's/show("requests"/show("calls"/' 'no row for the member of /status calls'
expect 0 'passed: tables' tables

# The reference, held against the same copy.
git -C "$tree" init -q
cp -r "$source_dir/docs/reference" "$tree/docs/"
mkdir -p "$tree/scripts"
cp "$source_dir/scripts/reference.py" "$tree/scripts/"
expect 0 'passed: pages' pages
sed -i 's|^  /// Adds a further header of that name|  /// Adds one more header of that name|' "$tree/lastcall/http/message/response.hpp"
expect 1 'docs/reference/response.md is not what the headers say' pages
rm -r "$tree/docs/reference"
expect 1 'docs/reference/router.md is not what the headers say' pages

expect 2 'there is no check named nonsense' nonsense
((failures == 0)) && echo 'every planted violation was found'
