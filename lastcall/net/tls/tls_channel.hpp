// TLS between a connection and its socket, by OpenSSL: the handshake, records in both directions, and its end. Never
// waits, and knows no state of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"
#include "lastcall/net/tls/tls.hpp"
#include "lastcall/net/tls/tls_keys.hpp"

namespace lastcall::inline v0::net::detail {

/// Threads: its connection's loop only.
class tls_channel {
 public:
  /// Keeps no hold of the descriptor.
  tls_channel(std::shared_ptr<tls_context>, int socket);
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;

  enum class step : unsigned char { would_block, done, failed };
  /// Goes on with the handshake. One that failed is noted with the context: `refuse` says goodbye.
  step shake_hands(const endpoint& remote, time_point now) noexcept;
  /// What the last failed `shake_hands` came to.
  tls_failure failure() const noexcept { return failure_; }
  /// Has the client sent anything, has it been sent anything?
  bool heard() const noexcept { return first_size_ > 0; }
  bool spoke() const noexcept { return spoke_; }

  /// Fills `into` as far as it can: less than `size` means that nothing is left, neither here nor in the kernel.
  io_result read(char* into, std::size_t size) noexcept;
  /// After less than all: the next write begins with what is left, as it was.
  io_result write(const char* from, std::size_t size) noexcept;
  io_result write_file(int file, std::uint64_t offset, std::size_t size) noexcept;

  /// close_notify. False: the socket takes no more now; once it does, again.
  bool say_close() noexcept;
  /// Reads what nobody wants any more, until the remote's FIN. `bytes` are the protocol's, not TLS's own.
  io_result discard(char* into, std::size_t size) noexcept;

  /// The remote has said that nothing follows, or has just ended.
  bool input_over() const noexcept { return input_end_ != io_end::open; }
  /// A read waits for room to write; an edge for writing is one for it.
  bool read_wants_write() const noexcept { return read_wants_write_; }
  bool write_wants_read() const noexcept { return write_wants_read_; }
  /// Something was taken from the kernel and not read yet: at most `most_held_bytes`, the buffer of one record.
  bool holds_input() const noexcept { return SSL_has_pending(ssl_.get()) != 0; }

  std::string_view agreed_protocol() const noexcept;
  const std::shared_ptr<const tls_peer>& peer() const noexcept { return peer_; }
  tls_context& context() const noexcept { return *context_; }

  static constexpr std::size_t most_held_bytes = 17 * 1024;

 private:
  struct socket_bio;
  friend struct socket_bio;

  static void on_message(int write, int version, int type, const void* bytes, std::size_t size, SSL*,
                         void* self) noexcept;
  tls_failure failed(int reason) const noexcept;
  void learn_peer();
  io_end ended(int error) noexcept;
  io_result write_stalled() noexcept;

  const std::shared_ptr<tls_context> context_;
  const std::shared_ptr<const tls_keys> keys_;  // before ssl_: it uses them
  ssl_ptr ssl_;
  std::shared_ptr<const tls_peer> peer_;
  const int socket_;
  std::uint16_t stalled_ = 0;         // bytes of a record that is encrypted, and only partly taken by the kernel
  std::uint8_t key_updates_ = 0;      // since the last bytes
  io_end socket_end_ = io_end::open;  // what the kernel said last
  io_end input_end_ = io_end::open;
  tls_failure failure_ = tls_failure::other;
  char first_[8] = {};  // that the client sent
  std::uint8_t first_size_ = 0;
  bool spoke_ = false;
  bool open_ = false;    // the handshake is over
  bool broken_ = false;  // OpenSSL's own state is: nothing more can be said
  bool said_close_ = false;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
};

}  // namespace lastcall::inline v0::net::detail
