// Stands for systemd: reads what a service tells it.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace lastcall::service_manager_test {

class notify_reader {
 public:
  /// A path, or @name.
  explicit notify_reader(std::string address) : address_(std::move(address)), fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(at.sun_path, address_.data(), address_.size());
    if (at.sun_path[0] == '@') at.sun_path[0] = '\0';
    const auto length = offsetof(sockaddr_un, sun_path) + address_.size() + (address_[0] == '@' ? 0 : 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), static_cast<socklen_t>(length)), 0);
  }
  ~notify_reader() {
    ::close(fd_);
    if (address_[0] == '/') ::unlink(address_.c_str());
  }
  notify_reader(const notify_reader&) = delete;
  notify_reader& operator=(const notify_reader&) = delete;

  const std::string& address() const { return address_; }

  /// What has come.
  std::vector<std::string> messages() {
    std::vector<std::string> all;
    while (take(std::chrono::milliseconds(0))) all.push_back(last_);
    return all;
  }

  /// The next message, which has come, and the descriptor that came with it; -1: none did.
  std::pair<int, std::string> with_descriptor() {
    std::array<char, 4096> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> along{};
    iovec into{.iov_base = text.data(), .iov_len = text.size()};
    msghdr all{};
    all.msg_iov = &into;
    all.msg_iovlen = 1;
    all.msg_control = along.data();
    all.msg_controllen = along.size();
    const auto n = ::recvmsg(fd_, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int descriptor = -1;
    if (const cmsghdr* const head = CMSG_FIRSTHDR(&all)) std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    return {descriptor, std::string(text.data(), n < 0 ? 0 : static_cast<std::size_t>(n))};
  }

  /// Waits for a message that begins so, and drops what comes before it.   Blocks: 30 s at most; then it is empty.
  std::string wait_for(const std::string& begin) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      const auto left = until - std::chrono::steady_clock::now();
      if (!take(std::chrono::ceil<std::chrono::milliseconds>(left))) return {};
      if (last_.starts_with(begin)) return last_;
    }
  }

 private:
  bool take(std::chrono::milliseconds within) {
    pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
    if (within.count() < 0 || ::poll(&one, 1, static_cast<int>(within.count())) != 1) return false;
    std::array<char, 4096> text;
    const auto n = ::recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
    if (n >= 0) last_.assign(text.data(), static_cast<std::size_t>(n));
    return n >= 0;
  }

  std::string address_;
  int fd_;
  std::string last_;
};

}  // namespace lastcall::service_manager_test
