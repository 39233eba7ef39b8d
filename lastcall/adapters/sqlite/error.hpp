// Why a statement did not succeed.
#pragma once

#include <stdexcept>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::sqlite {

/// A result's `value()` and `*` throw it; but where a later try may succeed they throw `lastcall::unavailable`, which a
/// handler of the HTTP server that lets it out answers with 503.
class error : public std::runtime_error {
 public:
  enum class reason : unsigned char {
    database,  ///< SQLite refused it: see `code`
    busy,      ///< another process held the database for as long as the statement could wait
    deadline,  ///< its context had no time left; it was interrupted
    forced,    ///< its context, or the pool, was forced; it was interrupted
  };

  error(reason why, std::string text, int code = 0) : std::runtime_error(std::move(text)), why_(why), code_(code) {}

  reason why() const noexcept { return why_; }
  /// SQLite's extended result code: SQLITE_CONSTRAINT_UNIQUE and so on.   Source: sqlite.org/rescode.html.
  int code() const noexcept { return code_; }
  /// A later try may succeed: all but a refusal that concerns the statement itself or the state of the file.
  bool is_transient() const noexcept { return why_ != reason::database; }

  friend void raise_as(const error& of);

 private:
  reason why_;
  int code_;
};

}  // namespace lastcall::inline v0::sqlite
