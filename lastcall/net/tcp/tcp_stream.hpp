// What the handler of a raw TCP session holds: bytes and lines in, bytes out. Not a socket: it knows when the server
// drains, and what is not read slows the remote down.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

class session_link;
class tcp_session;

/// Why there is nothing more to read.
enum class read_end : unsigned char {
  none,       ///< there may be
  remote,     ///< the remote's orderly end
  draining,   ///< the server drains, and everything that had come was read
  too_long,   ///< more than the buffer holds, and no delimiter in it
  timed_out,  ///< the remote has had its time
  gone,       ///< the connection has ended: by a reset, a timeout, or the server's force
};

/// Threads: one at a time; coroutines on their loop's, `_blocking` on any other.
/// What a read gives is a view that stays until the next one. Once a read gives nothing, further ones do so at once.
class tcp_stream {
 public:
  explicit tcp_stream(std::shared_ptr<session_link> link) noexcept : link_(std::move(link)) {}
  tcp_stream(const tcp_stream&) = delete;
  tcp_stream& operator=(const tcp_stream&) = delete;

  /// What has come, at least one byte. Nothing: see `end`.
  task<std::optional<std::string_view>> read();
  /// Up to and without the delimiter; what is left at the remote's end is not given out. While draining, a line that
  /// has begun is still waited for, as long as `goodbye_time`.
  task<std::optional<std::string_view>> read_until(char delimiter = '\n');
  /// False: it is gone; not every byte was sent. Returns once all is with the kernel or in the bounded buffer.
  task<bool> write(std::string_view bytes);

  std::optional<std::string_view> read_blocking();
  std::optional<std::string_view> read_until_blocking(char delimiter = '\n');
  bool write_blocking(std::string_view bytes);

  /// After a goodbye: reads go on for what was sent before it was heard, until the remote has ended or was quiet for so
  /// long; `goodbye_time` bounds it. So nothing is lost that crosses the goodbye, and a remote that ends when it hears
  /// it holds nobody up.
  void read_on(duration quiet = std::chrono::seconds(1)) noexcept;

  /// Why the last read gave nothing.
  read_end end() const noexcept { return end_; }
  /// Draining from this session's moment in the jitter window on, forced when its connection has ended.
  const context& life() const noexcept;
  const endpoint& remote() const noexcept;

 private:
  struct want;
  std::optional<std::string_view> given() const noexcept;

  std::shared_ptr<session_link> link_;
  std::string piece_;
  duration quiet_ = {};
  bool got_ = false;
  read_end end_ = read_end::none;
};

}  // namespace lastcall::inline v0::net
