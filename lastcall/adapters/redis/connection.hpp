// One connection to Redis. Each call is bounded by its context: when that is forced or has no time left, the call
// returns, and the connection is not used again, since its answer may still come.
// No second API: commands in, hiredis' replies out, and hiredis' handle for the rest. No TLS, no cluster.
#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/adapters/redis/commands.hpp"
#include "lastcall/adapters/redis/error.hpp"
#include "lastcall/adapters/redis/reply.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::redis {

namespace detail {
struct link_group;
struct link;
struct link_access;
}  // namespace detail

struct connection_options {
  /// "redis://[[user][:password]@]host[:port][/database]" or "unix:/path[?db=N]".
  std::string url = "redis://127.0.0.1:6379";
  /// For a server that asks for them, if the url has none. A password without a user is the default user's.
  std::string user = {};
  std::string password = {};
  /// How long a connection may take to open, with its AUTH and SELECT; less if its context has less.
  duration connect_within = std::chrono::seconds(5);
  /// The name in errors and logs.
  std::string name = "redis";
};

/// Threads: one at a time, except `force`. Moving it does not disturb that.
class connection {
 public:
  using options = connection_options;

  /// Tries one address of the host after the other; one that drops packets uses up the time.
  /// Blocks: at most `connect_within`, and until the context is forced; longer while the resolver of the C library does
  /// not answer (getaddrinfo). Errors: std::invalid_argument that names the option, its value and the remedy.
  static result<connection, error> open(const context& with, const options& how, logger log = {});
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// One command: `on.command(ctx, "SET", key, value, "EX", 60)`. An error of the server is an error, nil a reply.
  /// Blocks: until the answer is here, the context is forced, or its time is up.
  /// Errors: std::invalid_argument as commands::add.
  template <argument... A>
  result<reply, error> command(const context& with, std::string_view name, const A&... values) {
    return run_one(with, commands().add(name, values...));
  }
  /// A pipeline: sends all, then reads all replies, in their order. Errors of the server are among the replies. It
  /// refuses a MULTI among others: see run_as_one.
  result<std::vector<reply>, error> run(const context& with, const commands& all);
  /// A transaction (MULTI … EXEC): the array of their replies, or nil when a key that was watched has changed. Either
  /// all are carried out or none; one that fails while it is carried out undoes nothing: that is Redis'. Two round
  /// trips, since nothing may be sent before MULTI is accepted.
  result<reply, error> run_as_one(const context& with, const commands& all);

  /// It is as it was when it was opened: no transaction, no watched key, no other database.
  bool is_idle() const noexcept;
  /// The server has closed it, or has said that it takes no writes any more (READONLY, MASTERDOWN: another one does);
  /// it was given up, or there is an answer that nobody asked for.   Does not block: it asks the socket.
  bool is_broken() const noexcept;
  /// Ends what its owner does with it: a call that waits returns with reason `forced`, as every later one does at once.
  /// Threads: any, while the connection lives.
  void force() noexcept;
  /// Nobody uses it any more: every call fails, and a pool closes it.
  void give_up() noexcept;
  /// For what is not here. It blocks, and a write to a connection that has ended raises SIGPIPE in it. Leave it without
  /// an answer that was not read.
  redisContext* native_handle() const noexcept;

 private:
  friend class pool;
  friend struct detail::link_access;
  explicit connection(std::unique_ptr<detail::link> of) noexcept;

  enum class sends : unsigned char { commands, nothing_that_counts };

  /// Errors: std::invalid_argument.
  static void check(const options& of);
  static result<connection, error> open(const context& with, const options& how,
                                        std::shared_ptr<detail::link_group> of);
  error refusal(const reply& of, std::string_view label) const;
  result<reply, error> run_one(const context& with, const commands& one);
  result<std::vector<reply>, error> exchange(const context& with, std::string_view text, std::size_t replies,
                                             std::string_view label, sends what = sends::commands);

  std::unique_ptr<detail::link> state_;
};

}  // namespace lastcall::inline v0::redis
