#!/usr/bin/env bash
# scripts/declarations.py, which the reference is made with: what it reads of a header in this project's style.
# usage: declarations_test.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/odd.hpp" <<'HEADER'
// Not for readers.
#pragma once
#include <string>

namespace lastcall::inline v0::net {
class loop;
}
namespace lastcall::inline v0::http {
namespace detail {
struct hidden {};
}
/// An enum.
enum class way : unsigned char { there, back = 2 };
enum class end : unsigned char {
  clean,  ///< all is well
  /// Nothing is.
  torn,
};
/// Options.
struct odd_options {
  duration grace =
      std::chrono::seconds(20);  ///< how long
  std::function<void(int, std::string)> call = {};
  function<bool()> ready{};
};
/// Says "}" and {braces}.
class odd final : public other<int> {
  int before_ = 0;

 public:
  /// Makes one.   Errors: none.
  explicit odd(odd_options o = {.grace = 2s}, const char* text = "a;b{") noexcept : one_{1}, two_(o) { go(); }
  template <class F>
    requires(std::invocable<F> && sizeof(F) < 8)
  odd(F&& f);

  bool ready() const noexcept { return one_ < 2 && text_ != "}"; }
  std::pair<int, int> both() const;
  static constexpr int most = 3;

 private:
  friend class app;
  int one_;
  std::string text_{};
};
template <class T> class later;
/// Attributes are no part of a name.
template <class T> class [[nodiscard]] later {
 public:
  T& operator*() const;
};
template <class C> C& made() { return *new C{}; }
inline constexpr int limit = 7;  ///< the most
using name = std::string;
}  // namespace lastcall::inline v0::http
HEADER
python3 - "$scratch" <<'PYTHON'
import pathlib
import sys

sys.path.insert(0, "scripts")
from declarations import declarations_of


def flat(entities):
    for each in entities:
        yield f"{each.kind} {each.qualified}: {each.declaration} // {each.comment}"
        yield from (f"  {line}" for line in flat(each.members))


found = list(flat(declarations_of(pathlib.Path(sys.argv[1]), "odd.hpp")))
wanted = """\
enum http::way: enum class way : unsigned char // An enum.
  value there: there // 
  value back: back // 
enum http::end: enum class end : unsigned char // 
  value clean: clean // all is well
  value torn: torn // Nothing is.
type http::odd_options: struct odd_options // Options.
  value http::odd_options::grace: duration grace = std::chrono::seconds(20) // how long
  value http::odd_options::call: std::function<void(int, std::string)> call = {} // 
  value http::odd_options::ready: function<bool()> ready{} // 
type http::odd: class odd final : public other<int> // Says "}" and {braces}.
  function http::odd::odd: explicit odd(odd_options o = {.grace = 2s}, const char* text = "a;b{") noexcept // Makes one.   Errors: none.
  function http::odd::requires: template <class F> requires(std::invocable<F> && sizeof(F) < 8) odd(F&& f) // 
  function http::odd::ready: bool ready() const noexcept // 
  function http::odd::both: std::pair<int, int> both() const // 
  value http::odd::most: static constexpr int most = 3 // 
type http::later: template <class T> class [[nodiscard]] later // Attributes are no part of a name.
  function http::later::operator*: T& operator*() const // 
function http::made: template <class C> C& made() // 
value http::limit: inline constexpr int limit = 7 // the most
alias http::name: using name = std::string // """.splitlines()
for line in found:
    if line not in wanted:
        print("not wanted:", line)
for line in wanted:
    if line not in found:
        print("missing:", line)
sys.exit(found != wanted)
PYTHON
echo 'headers are read as they are'
