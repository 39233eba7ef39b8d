// Why a command did not succeed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis {

/// A result's `value()` and `*` throw it; but where a later try may succeed they throw `lastcall::unavailable`, which a
/// handler of the HTTP server that lets it out answers with 503.
class error : public std::runtime_error {
 public:
  enum class reason : unsigned char {
    server,      ///< the server refused it: see `code`
    connection,  ///< the connection is gone; whether the command took effect is not known
    deadline,    ///< its context had no time left; whether it took effect is not known, unless its text says "not sent"
    forced,      ///< its context, or the pool, was forced; the same
    misuse,      ///< by the program, before anything was sent
  };

  error(reason why, std::string text, std::string code = {})
      : std::runtime_error(std::move(text)), why_(why), code_(std::move(code)) {}

  reason why() const noexcept { return why_; }
  /// The first word of the server's error: "WRONGTYPE", "OOM", "ERR"; empty if the server has not said one.
  const std::string& code() const noexcept { return code_; }
  /// A later try may succeed: all but misuse and a refusal that concerns the command itself. Of the server's errors
  /// these: OOM, LOADING, BUSY, READONLY, MISCONF, NOREPLICAS, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, UNKILLABLE.
  bool is_transient() const noexcept;

  friend void raise_as(const error& of);

 private:
  reason why_;
  std::string code_;
};

}  // namespace lastcall::inline v0::redis
