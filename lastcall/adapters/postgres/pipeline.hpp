// Several statements in one round trip.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/adapters/postgres/connection.hpp"

namespace lastcall::inline v0::postgres {

namespace detail {
class pipeline_talk;
}  // namespace detail

/// Statements that are sent together. Outside of a transaction they are one: all of them take effect or none, unless
/// they say `begin` and `commit` themselves. No COPY.
/// Threads: one at a time.
class pipeline {
 public:
  static constexpr std::size_t most = 1'000;

  explicit pipeline(connection& on) noexcept : on_(&on) {}

  /// Keeps it for `run`; the values are copied.   Errors: std::length_error when there are `most` already,
  /// std::invalid_argument for a NUL in a text.
  template <parameter... A> void add(std::string sql, const A&... values) {
    keep(std::move(sql), detail::parameters(values...).lists());
  }
  /// Sends all, and forgets them. The answers, in the order of the statements; or the first error, and then nothing of
  /// what is behind it has run.   Blocks: as a query.
  result<std::vector<rows>, error> run(const context& with);

 private:
  friend class async_connection;
  friend class detail::pipeline_talk;
  struct kept {
    std::string sql;
    std::vector<std::optional<std::string>> values;
    std::vector<int> formats;
  };

  void keep(std::string sql, detail::parameter_lists values);

  connection* on_;
  std::vector<kept> all_;
};

}  // namespace lastcall::inline v0::postgres
