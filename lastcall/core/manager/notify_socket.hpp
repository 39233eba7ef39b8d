// The way to the service manager (systemd): one datagram for each message. Knows no message.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>
#include <system_error>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// Threads: any, once it is made.   Source: sd_notify(3), unix(7).
class notify_socket {
 public:
  notify_socket() noexcept = default;
  /// `address` is the value of NOTIFY_SOCKET: a path, or @name for an abstract one. Errors: std::invalid_argument says
  /// what is wrong with it, also for vsock:, which only a virtual machine's own manager speaks; std::system_error when
  /// there is no descriptor.
  explicit notify_socket(std::string_view address);
  ~notify_socket();
  notify_socket(notify_socket&& from) noexcept;
  notify_socket& operator=(notify_socket&& from) noexcept;

  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Nobody is waited for: resource_unavailable_try_again when the reader's queue is full. Each message finds its way
  /// anew, so a reader that comes back is heard.
  /// `descriptor`, if it is not -1, goes along; the manager gets one of its own.
  std::error_code send(std::string_view message, int descriptor = -1) const noexcept;

 private:
  int fd_ = -1;
  sockaddr_un to_{};
  socklen_t length_ = 0;
};

}  // namespace lastcall::inline v0::detail
