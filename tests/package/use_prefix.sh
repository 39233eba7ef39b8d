#!/usr/bin/env bash
# Builds and runs the consumer against what is installed below PREFIX, by find_package and by pkg-config. SCRATCH, which
# is outside the source tree, takes what is built.
# usage: use_prefix.sh PREFIX SCRATCH
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$1
scratch=$2
mkdir -p "$scratch"

fail() {
  printf 'package: %s\n' "$*" >&2
  exit 1
}

pc=$(find "$prefix/lib" -name lastcall-http.pc)
libraries=$(dirname "$(dirname "$pc")")

export PKG_CONFIG_PATH=$libraries/pkgconfig
# Adapters are installed apart. For each there is a program of a user.
adapters=() missing=() every='' left_out='^$'
for source in "$here"/consumer/adapters/*.cpp; do
  name=$(basename "$source" .cpp)
  every+="|$name"
  if pkg-config --exists "lastcall-$name"; then
    adapters+=("$name")
  else
    missing+=("$name")
    left_out+="|$name"
  fi
done

listed=$here/../../cmake/public_headers.txt
(cd "$prefix/include" && find lastcall -name '*.hpp' | LC_ALL=C sort | diff <(grep -vE "$left_out" "$listed") -) ||
  fail 'what is installed is not what cmake/public_headers.txt says'

version=$(pkg-config --modversion lastcall-core lastcall-work lastcall-net lastcall-http lastcall-testing "${adapters[@]/#/lastcall-}" |
  sort -u)
[[ $("$prefix/bin/lastcall" --version) == "lastcall $version" ]] || fail "lastcall --version does not say $version"

command -v make >/dev/null || export CMAKE_GENERATOR=Ninja # what scripts/bootstrap installs
cmake -S "$here/consumer" -B "$scratch/find_package" -DCMAKE_PREFIX_PATH="$prefix" -DHEADERS="$prefix/include" \
  -DADAPTERS="$(IFS=';' && printf '%s' "${adapters[*]}")"
cmake --build "$scratch/find_package" --parallel 2
"$scratch/find_package/consumer"
[[ $("$scratch/find_package/core_only") == "$version" ]] || fail 'version() is not that of the package'

# links_nothing_of PROGRAM PATTERN: what it needs to run.
links_nothing_of() {
  if readelf -d "$1" | grep NEEDED | grep -E "$2"; then fail "$1 links with what it has not asked for"; fi
}
foreign='libgrpc|libhiredis|libpq|librdkafka|libsqlite3' # what adapters bring
links_nothing_of "$scratch/find_package/core_only" "lastcall_(work|net|http|testing$every)|$foreign|ssl|nghttp2"
links_nothing_of "$scratch/find_package/consumer" "lastcall_(${every#|})|$foreign"
for name in "${adapters[@]}"; do "$scratch/find_package/with_$name"; done

# refuses TEXT ARGUMENT…: find_package(lastcall ARGUMENT…) fails and says TEXT.
refuses() {
  local text=$1 log=$scratch/refused.log
  shift
  mkdir -p "$scratch/refused"
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES NONE)\nset(CMAKE_LIBRARY_ARCHITECTURE %s)\nfind_package(lastcall %s)\n' \
    "$(c++ -print-multiarch)" "$*" >"$scratch/refused/CMakeLists.txt"
  if cmake -S "$scratch/refused" -B "$scratch/refused/build" -DCMAKE_PREFIX_PATH="$prefix" >"$log" 2>&1 ||
    ! tr -s ' \n' ' ' <"$log" | grep -qF -- "$text"; then
    cat "$log" >&2
    fail "find_package(lastcall $*) did not fail with: $text"
  fi
}
refuses "lastcall has no component 'nonsense'; there are: core work net http testing" 0.1 CONFIG REQUIRED COMPONENTS core nonsense
refuses 'compatible with requested version "0.2"' 0.2 CONFIG REQUIRED

# by_pkg_config COMPILER: an archive holds code that any linker takes, so another compiler than its own may use it.
by_pkg_config() {
  local compiler=$1 flags
  read -ra flags < <(pkg-config --cflags --libs lastcall-http lastcall-testing)
  "$compiler" -std=c++20 "$here/consumer/main.cpp" "${flags[@]}" -o "$scratch/by_pkg_config"
  LD_LIBRARY_PATH=$libraries "$scratch/by_pkg_config"
  read -ra flags < <(pkg-config --cflags --libs lastcall-core)
  "$compiler" -std=c++20 "$here/consumer/core_only.cpp" "${flags[@]}" -o "$scratch/core_by_pkg_config"
  [[ $(LD_LIBRARY_PATH=$libraries "$scratch/core_by_pkg_config") == "$version" ]]
}
by_pkg_config c++
for name in "${adapters[@]}"; do
  read -ra flags < <(pkg-config --cflags --libs "lastcall-$name")
  c++ -std=c++20 "$here/consumer/adapters/$name.cpp" "${flags[@]}" -o "$scratch/${name}_by_pkg_config"
  LD_LIBRARY_PATH=$libraries "$scratch/${name}_by_pkg_config"
done
for name in "${missing[@]}"; do refuses "lastcall has no component '$name'" 0.1 CONFIG REQUIRED COMPONENTS "$name"; done
if command -v clang++-19 >/dev/null; then by_pkg_config clang++-19; fi

# says TEXT FLAG: what can't work ends with one sentence.
says() {
  if c++ -std=c++20 -I"$prefix/include" -fsyntax-only "$2" "$here/consumer/core_only.cpp" 2>"$scratch/refused.log" ||
    ! grep -qF -- "$1" "$scratch/refused.log"; then
    cat "$scratch/refused.log" >&2
    fail "with $2 the compiler did not say: $1"
  fi
}
says 'Lastcall needs exceptions, which tell it that a handler failed: compile without -fno-exceptions.' -fno-exceptions
says 'Lastcall is for Linux only' -U__linux__
