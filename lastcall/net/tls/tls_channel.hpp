// TLS between a connection and its socket, by OpenSSL: the handshake, records in both directions, and the end. Never
// blocks, and does not know the state of the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"
#include "lastcall/net/tls/tls_context.hpp"
#include "lastcall/net/tls/tls_keys.hpp"

namespace lastcall::inline v0::net::detail {

/// Threads: its connection's loop only.
class tls_channel {
 public:
  /// Does not own the descriptor.
  tls_channel(std::shared_ptr<tls_context>, int socket);
  tls_channel& operator=(tls_channel&&) = delete;

  enum class step : unsigned char { would_block, done, failed };
  /// Does the next part of the handshake. A failure is logged and counted by the context.
  step continue_handshake(const endpoint& remote, time_point now) noexcept;
  /// Why `continue_handshake` has failed.
  tls_failure failure() const noexcept { return failure_; }
  /// Any byte has come from the client, and any was sent to it.
  bool received_any() const noexcept { return first_size_ > 0; }
  bool sent_any() const noexcept { return sent_any_; }

  /// Fills `into` as far as possible: less than `size` means that nothing is left, neither here nor in the kernel.
  io_result read(char* into, std::size_t size) noexcept;
  /// When it has taken less than all, the next write must begin with the rest, unchanged.
  io_result write(const char* from, std::size_t size) noexcept;
  io_result write_file(int file, std::uint64_t offset, std::size_t size) noexcept;

  /// False: there is no room now; call it again when there is.
  bool send_close_notify() noexcept;
  /// Reads and drops, until the remote's FIN. `bytes`: of the protocol, not those of TLS itself.
  io_result discard(char* into, std::size_t size) noexcept;

  /// The remote has sent close_notify, or has ended without.
  bool input_over() const noexcept { return input_end_ != io_end::open; }
  /// A read waits for room to write (and the reverse), so EPOLLOUT is an event for it.
  bool read_wants_write() const noexcept { return read_wants_write_; }
  bool write_wants_read() const noexcept { return write_wants_read_; }
  /// OpenSSL has taken bytes from the kernel that were not read yet: at most `most_held_bytes`, the buffer of one
  /// record.
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
  const std::shared_ptr<const tls_keys> keys_;  // declared before ssl_, which uses them
  ssl_ptr ssl_;
  std::shared_ptr<const tls_peer> peer_;
  const int socket_;
  std::uint16_t stalled_ = 0;         // bytes of a record that is encrypted, but not completely sent
  std::uint8_t key_updates_ = 0;      // since the last bytes
  io_end socket_end_ = io_end::open;  // of the last call of the kernel
  io_end input_end_ = io_end::open;
  tls_failure failure_ = tls_failure::other;
  char first_[8] = {};  // the first bytes of the client
  std::uint8_t first_size_ = 0;
  bool sent_any_ = false;
  bool open_ = false;    // the handshake is complete
  bool broken_ = false;  // OpenSSL has failed: nothing more can be sent
  bool close_notify_sent_ = false;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
};

}  // namespace lastcall::inline v0::net::detail
