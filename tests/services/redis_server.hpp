// A Redis of its own for a test: on a Unix socket in a folder of its own, gone with the test.
#pragma once

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/testing/internal/child_process.hpp"

namespace service_tests {

using namespace std::chrono_literals;

class redis_server {
 public:
  /// What it has acknowledged outlives SIGKILL: it is in the kernel's hands.
  explicit redis_server(std::vector<std::string> more = {}) : more_(std::move(more)) {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-redis-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    folder_ = name;
    start();
  }
  ~redis_server() {
    stop(SIGTERM);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  redis_server& operator=(redis_server&&) = delete;

  void start() {
    std::vector<std::string> command{"redis-server", "--port",       "0", "--unixsocket", socket(), "--dir",
                                     folder_,        "--save",       "",  "--appendonly", "yes",    "--appendfsync",
                                     "no",           "--io-threads", "1"};
    command.insert(command.end(), more_.begin(), more_.end());
    server_.emplace(command, lastcall::testing::child_options{.output = lastcall::testing::stream_to::discard});
    for (const lastcall::deadline by(60s); !answers();) {
      if (by.passed(std::chrono::steady_clock::now()) || !server_->running())
        throw std::runtime_error("no redis: " + server_->errors());
      std::this_thread::sleep_for(5ms);
    }
  }
  void stop(int number) {
    if (!server_) return;
    server_->signal(SIGCONT);
    server_->signal(number);
    if (!server_->wait(lastcall::deadline(30s))) server_->signal(SIGKILL);
    server_.reset();
  }
  void signal(int number) { server_->signal(number); }

  std::string socket() const { return folder_ / "socket"; }
  std::string url() const { return "unix:" + socket(); }

 private:
  /// It has read its files.
  bool answers() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, socket().c_str(), sizeof to.sun_path - 1);
    char said[256] = {};
    const std::string ask = "PING\r\n";
    const bool done = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                      ::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL) > 0 && ::recv(fd, said, sizeof said - 1, 0) > 0;
    ::close(fd);
    const std::string text = said;
    return done && (text.starts_with("+PONG") || text.starts_with("-NOAUTH"));
  }

  const std::vector<std::string> more_;
  std::filesystem::path folder_;
  std::optional<lastcall::testing::child_process> server_;
};

}  // namespace service_tests
