// LISTEN as a session: what NOTIFY says on a channel, one after the other, until the context drains.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "lastcall/adapters/postgres/copy.hpp"

namespace lastcall::inline v0::postgres {

struct notification {
  std::string channel{};
  std::string text{};
  int backend = 0;  ///< of the one that notified
};

/// Uses its connection alone while it lives, and gives it up at its end. What is notified while none listens is lost:
/// that is PostgreSQL's.   Threads: one at a time.
class listener {
 public:
  /// Listens from here on. `channel` is taken as it is, with its case.   Blocks: as a query.
  /// Errors: std::invalid_argument for a channel with a NUL, or with text that is not whole in the client's encoding.
  static result<listener, error> begin(const context& with, connection& on, const std::string& channel);

  /// The next; nothing: the context drains, and all that had come was given out; or it was forced.
  /// Blocks: until then. A server that vanishes without a word is found by TCP's keepalive only: keepalives_idle and
  /// tcp_user_timeout of the conninfo.
  result<std::optional<notification>, error> next(const context& with);

 private:
  friend class async_connection;
  explicit listener(connection& on) noexcept : it_(on) {}

  static std::string statement_for(connection& on, const std::string& channel);
  static result<listener, error> begun(connection& on, result<rows, error> answer);
  static result<std::optional<notification>, error> came(const context& with, std::optional<notification> heard,
                                                         result<rows, error> answer);

  detail::copying it_;
};

}  // namespace lastcall::inline v0::postgres
