// Why a query did not succeed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::postgres {

/// A result's `value()` and `*` throw it; but where a later try may succeed they throw `lastcall::unavailable`, which a
/// handler of the HTTP server that lets it out answers with 503.
class error : public std::runtime_error {
 public:
  enum class reason : unsigned char {
    server,      ///< the server refused it: see `sqlstate`
    connection,  ///< the connection is gone; whether the statement took effect is not known
    deadline,    ///< its context had no time left; it was cancelled
    forced,      ///< its context was forced; it was cancelled
    misuse,      ///< by the program, before anything was sent
  };

  error(reason why, std::string text, std::string sqlstate = {})
      : std::runtime_error(std::move(text)), why_(why), sqlstate_(std::move(sqlstate)) {}

  reason why() const noexcept { return why_; }
  /// Five characters, as "23505"; empty if the server has not said one.   Source: PostgreSQL, appendix A.
  const std::string& sqlstate() const noexcept { return sqlstate_; }
  /// 40001 and 40P01: the same transaction, begun anew, may succeed.
  bool is_serialization_failure() const noexcept { return sqlstate_ == "40001" || sqlstate_ == "40P01"; }
  /// A later try may succeed: all but a refusal that concerns the statement itself.
  bool is_transient() const noexcept;

  friend void raise_as(const error& of);

 private:
  reason why_;
  std::string sqlstate_;
};

}  // namespace lastcall::inline v0::postgres
