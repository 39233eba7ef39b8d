#include "lastcall/core/manager/notify_socket.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace lastcall::inline v0::detail {

notify_socket::notify_socket(std::string_view address) {
  const auto refuse = [&](const char* why) {
    throw std::invalid_argument("NOTIFY_SOCKET=\"" + std::string(address) + "\" " + why);
  };
  if (address.starts_with("vsock")) refuse("is a socket of a virtual machine's host; only Unix sockets are spoken to");
  if (address.size() < 2 || (address.front() != '/' && address.front() != '@'))
    refuse("is neither a path from / on nor @name");
  if (address.size() >= sizeof to_.sun_path) refuse("is longer than the 107 bytes of a Unix socket's address");
  to_.sun_family = AF_UNIX;
  std::memcpy(to_.sun_path, address.data(), address.size());
  length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  if (address.front() == '@') {
    to_.sun_path[0] = '\0';
  } else {
    ++length_;  // the zero at the end of a path
  }
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "no socket for NOTIFY_SOCKET");
}

notify_socket::~notify_socket() {
  if (fd_ >= 0) ::close(fd_);
}

notify_socket::notify_socket(notify_socket&& from) noexcept
    : fd_(std::exchange(from.fd_, -1)), to_(from.to_), length_(from.length_) {}

notify_socket& notify_socket::operator=(notify_socket&& from) noexcept {
  std::swap(fd_, from.fd_);
  to_ = from.to_;
  length_ = from.length_;
  return *this;
}

std::error_code notify_socket::send(std::string_view message, int descriptor) const noexcept {
  sockaddr_un to = to_;
  iovec text{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
  msghdr all{};
  all.msg_name = &to;
  all.msg_namelen = length_;
  all.msg_iov = &text;
  all.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> along{};
  if (descriptor >= 0) {
    all.msg_control = along.data();
    all.msg_controllen = along.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&all);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  const auto sent = ::sendmsg(fd_, &all, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent >= 0 ? std::error_code() : std::error_code(errno, std::generic_category());
}

}  // namespace lastcall::inline v0::detail
