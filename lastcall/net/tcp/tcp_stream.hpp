// The handler's end of a raw TCP session: reads of bytes and lines, and writes. More than a socket: reads end when the
// server drains.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/stream_handler.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

class session_link;
class tcp_session;

/// One session, as its handler sees it: a handle. A read returns a view that is valid until the next read. After a read
/// without a value, each further one returns at once without a value. Back-pressure: what is not read slows the remote
/// down. Threads: one at a time. Coroutines on their loop's; `_blocking` on any other.
class tcp_stream {
 public:
  tcp_stream(tcp_stream&&) noexcept = default;
  tcp_stream& operator=(tcp_stream&&) noexcept = default;

  /// What has come, at least one byte. Without a value: see `end`.
  task<std::optional<std::string_view>> read();
  /// The bytes before the delimiter. Bytes without a delimiter before the remote's end are not returned. While
  /// draining, the rest of a line that has begun is still waited for, at most for `goodbye_time`.
  task<std::optional<std::string_view>> read_until(char delimiter = '\n');
  /// True: taken, all of `bytes`; they are with the kernel or in the write queue. False: not every byte was sent,
  /// because nothing more can be sent: the connection has ended, or the remote's time is over.
  task<bool> write(std::string_view bytes);

  std::optional<std::string_view> read_blocking();
  std::optional<std::string_view> read_until_blocking(char delimiter = '\n');
  bool write_blocking(std::string_view bytes);

  /// To be called after the handler has written a goodbye: reads continue until the remote ends, or is quiet for
  /// `quiet`; at most for `goodbye_time`. So what the remote sent before it received the goodbye is not lost, and a
  /// remote that ends then delays nothing.
  void read_on(duration quiet = std::chrono::seconds(1)) noexcept;

  /// Why the last read returned no value.
  stream_end end() const noexcept;
  /// Drains at this session's moment of the jitter window; forced when its connection has ended.
  const context& life() const noexcept;
  const endpoint& remote() const noexcept;

 private:
  friend class tcp_session;
  struct state;
  struct read_step;

  explicit tcp_stream(std::shared_ptr<session_link> link);

  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0::net
