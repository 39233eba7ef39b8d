// What a connection knows of itself, and how its bytes are moved.
#pragma once

#include <hiredis/hiredis.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "lastcall/adapters/redis/connection.hpp"
#include "lastcall/adapters/redis/session_effect.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0::redis::detail {

/// What the connections of a pool have in common.
struct link_group {
  explicit link_group(logger to) : log(std::move(to)) {}

  const logger log;
  std::atomic<std::uint64_t> unconfirmed = 0;  // commands that were cut after they were sent
  std::atomic<std::uint64_t> lost = 0;         // connections
};

/// Threads: of the connection's owner, except `ends`.
struct link {
  link(const connection_options& with, std::shared_ptr<link_group> of);
  ~link();
  link& operator=(link&&) = delete;

  /// The next reply, if all of it has come. hiredis gives null for none.
  /// Errors: redis::error when the bytes are none of Redis'.
  result<redisReply*, error> parsed();
  /// Sends of it what the socket takes; how much that was.
  result<std::size_t, error> sent(std::string_view text);
  /// Takes what has come. False: nothing has.
  result<bool, error> received();
  /// False: `by` has passed, or `wake` was told.   Blocks: until then.
  bool wait(bool to_write, time_point by) const noexcept;
  /// No call waits: `wake` says nothing any more, unless the connection is forced.
  void calm() noexcept;
  error broken(std::string_view why);
  /// How a context has ended, for errors.
  error ended(const context& with, std::string_view label, const char* what) const;

  const connection_options how;
  const std::shared_ptr<link_group> group;
  const int wake;  // an eventfd that is readable when a call must not wait any more
  redisContext* native = nullptr;
  bool given_up = false;
  bool demoted = false;  // the server has said so: it is of no use for long
  bool told_lost = false;
  session_effect effect;
  context_source ends;  // forced by connection::force: then no call waits any more
  const context life = ends.get();
  const stop_callback<function<void()>> wakes;  // last: it uses `wake`
};

/// For what else is done with a connection.
struct link_access {
  static link& state_of(connection& of) noexcept { return *of.state_; }
  static void check(const connection_options& of) { connection::check(of); }
  static result<std::vector<reply>, error> exchange(connection& on, const context& with, std::string_view text,
                                                    std::size_t replies, std::string_view label) {
    return on.exchange(with, text, replies, label);
  }
  static error refusal(const connection& on, const reply& of, std::string_view label) { return on.refusal(of, label); }
  static result<connection, error> open(const context& with, const connection_options& how,
                                        std::shared_ptr<link_group> of) {
    return connection::open(with, how, std::move(of));
  }
};

/// A socket that is connected, or why there is none. -1 in it: `by` has passed, or `wake` was told.
/// Blocks: until then; longer while the resolver does not answer.
result<int, error> connect_socket(const connection_options& how, time_point by, int wake);

}  // namespace lastcall::inline v0::redis::detail
