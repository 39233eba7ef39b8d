#include "lastcall/net/listen/activated.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace lastcall::net::activated_test {

using ::testing::HasSubstr;

/// A process of its own has descriptor 3 and the variables; what it says is its last word.
std::string activated_with(int descriptor, const char* count, const char* names = "http") {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said;
    ::dup2(pipe[1], 9);
    if (descriptor >= 0) {
      ::dup2(descriptor, 3);
    } else {
      ::close(3);
    }
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_FDNAMES", names, 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    try {
      const listen_options o = activated("http", {.backlog = 7});
      said = std::to_string(o.inherited_fd) + " " + std::to_string(o.backlog);
    } catch (const std::invalid_argument& refused) {
      said = refused.what();
    }
    static_cast<void>(!::write(9, said.data(), said.size()));
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string said(4096, '\0');
  const auto n = ::read(pipe[0], said.data(), said.size());
  said.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  ::close(pipe[0]);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  return said;
}

TEST(activated, is_a_listening_socket_of_that_name) {
  const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr any{.sa_family = AF_UNIX, .sa_data = {}};
  ASSERT_EQ(::bind(listening, &any, sizeof any.sa_family), 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  EXPECT_EQ(activated_with(listening, "1"), "3 7");
  EXPECT_EQ(activated_with(listening, "1", "shop.socket"), "3 7") << "it is the only one";
  ::close(listening);
}

TEST(activated, refuses_everything_else_by_name) {
  const int connection = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const int messages = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  const int file = ::open("/dev/null", O_RDONLY);
  EXPECT_THAT(activated_with(connection, "1"), HasSubstr("activated(\"http\"): descriptor 3 is a connection"));
  EXPECT_THAT(activated_with(messages, "1"), HasSubstr("a socket for messages"));
  EXPECT_THAT(activated_with(file, "1"), HasSubstr("no socket"));
  EXPECT_THAT(activated_with(-1, "1"), HasSubstr("but descriptor 3 (http) is not open"));
  EXPECT_THAT(activated_with(-1, "0", ""), HasSubstr("systemd has passed no socket"));
  EXPECT_THAT(activated_with(-1, "many"), HasSubstr("LISTEN_FDS=\"many\""));
  for (const int each : {connection, messages, file}) ::close(each);
}

}  // namespace lastcall::net::activated_test
