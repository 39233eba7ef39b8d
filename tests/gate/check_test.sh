#!/usr/bin/env bash
# scripts/check: a sound tree passes, and each planted violation fails the check that is there to find it.
# usage: check_test.sh SOURCE_DIR
set -euo pipefail

source_dir=$1
check=$source_dir/scripts/check
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
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
plant lastcall/http/serving/shard.cpp '#include <boost/asio.hpp>'
plant lastcall/core/gate_test.cpp '#include <gtest/gtest.h>

#include "lastcall/testing/relay.hpp"'
expect 0 'passed: modules' modules

refuses modules lastcall/core/a.hpp '#include "lastcall/net/loop/loop.hpp"' 'lastcall/core/a.hpp:1: core may not include lastcall/net/loop/loop.hpp'
refuses modules lastcall/core/a.cpp '#include <boost/asio.hpp>' 'core stands on the standard library'
refuses modules lastcall/core/a.cpp '#include <openssl/ssl.h>' 'core stands on the standard library'
refuses modules lastcall/net/a.cpp '#  include "lastcall/http/routing/router.hpp"' 'net may not include lastcall/http/routing/router.hpp'
refuses modules lastcall/http/a.cpp '#include "lastcall/cli/probe/probe.hpp"' 'http may not include lastcall/cli/probe/probe.hpp'
refuses modules lastcall/testing/a.cpp '#include <lastcall/net/loop/loop.hpp>' 'testing may not include lastcall/net/loop/loop.hpp'
refuses modules lastcall/net/a.hpp '#include "loop.hpp"' 'write the path from the root'
refuses modules lastcall/http/a.cpp '#include <boost/beast/core.hpp>' 'Beast is only what tests/fuzz compares with'
refuses modules lastcall/http/a.hpp '#include <boost/asio/ip/tcp.hpp>' 'shows no third-party type'
refuses modules lastcall/cloud/a.cpp '#include <string>' 'module cloud is not in the table'

if command -v clang-format >/dev/null && clang-format --version | grep -q 'version 14\.'; then
  plant lastcall/net/sound.cpp 'namespace lastcall::inline v0::net {
int answer() { return 42; }
}  // namespace lastcall::inline v0::net'
  refuses format lastcall/net/a.cpp 'int   main( ){return 0 ;}' '+int main()'
fi
if command -v shellcheck >/dev/null; then
  # shellcheck disable=SC2016  # the planted script is to be taken literally
  refuses shell scripts/a '#!/bin/bash
rm -r $1/*' 'SC2086'
fi

cp "$source_dir/cmake/header_checks.cmake" "$tree/"
# shellcheck disable=SC2016  # ${…} is CMake's
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
plant lastcall/core/detail/shadow.hpp 'struct private_and_unchecked : nothing {};'
uproot lastcall/core/shadow.hpp
headers 0 'passed: headers'

if command -v doxygen >/dev/null; then
  mkdir "$tree/docs"
  touch "$tree"/{README,CHANGELOG,CONTRIBUTING}.md
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

expect 2 'there is no check named nonsense' nonsense
((failures == 0)) && echo 'every planted violation was found'
