// How each program of field reports must end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <fstream>
#include <thread>
#include <utility>

#include "lastcall/http/h2/h2_frames_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using testing::HasSubstr;

/// An input that serves, from the constructor on.
class input {
 public:
  explicit input(std::vector<std::string> words, const std::string& before = "")
      : process(command(std::move(words), before, scratch_.file("report.json"))) {}

  std::string url() {
    const auto line = process.wait_for_line("listening on ", deadline(30s));
    if (!line) throw std::runtime_error("it does not serve: " + process.errors());
    return line->substr(line->find("http"));
  }
  raw_client enters() { return raw_client(lastcall::testing::parse_server_address(url())); }
  /// On a connection of its own.
  std::string get(const std::string& target) {
    raw_client c = enters();
    c.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return c.read_reply().bytes;
  }
  exit_status end(int signal = SIGTERM) {
    process.signal(signal);
    return wait();
  }
  exit_status wait() { return process.wait(deadline(60s)).value_or(exit_status{}); }
  std::string report() const { return document::from_file(scratch_.file("report.json")).json(); }

 private:
  static std::vector<std::string> command(std::vector<std::string> words, const std::string& before,
                                          const std::string& report) {
    std::string line = before + "LASTCALL_REPORT='" + report + "' exec '" + program("field") + "'";
    for (const auto& word : words) line += " '" + word + "'";
    return {"bash", "-c", line};
  }

  scratch_folder scratch_;

 public:
  child_process process;
};

/// The value of a header.
std::string value_of(const std::string& reply, const std::string& name) {
  const auto at = reply.find("\r\n" + name + ": ");
  if (at == reply.npos) return "";
  const auto from = at + name.size() + 4;
  return reply.substr(from, reply.find("\r\n", from) - from);
}
std::time_t seconds_of(const std::string& date) {
  std::tm parts{};
  return ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) ? ::timegm(&parts) : 0;
}

TEST(field, a_route_for_all_paths_leaves_health_to_the_server) {
  input it({"catch_all_route"});
  EXPECT_THAT(it.get("/anything"), HasSubstr("<h1>app</h1>"));
  EXPECT_THAT(it.get("/livez"), HasSubstr("alive\n"));
  std::string ready;  // a moment after it says where it listens
  for (const deadline by(20s); !ready.ends_with("\nready\n") && !by.passed(std::chrono::steady_clock::now());)
    ready = it.get("/readyz");
  EXPECT_THAT(ready, HasSubstr(" 200 "));
  EXPECT_THAT(it.get("/readyz/"), HasSubstr("\nready\n"));
  raw_client probe = it.enters();
  std::string said;
  bool told = false;
  for (const deadline by(20s); said.find(" 503 ") == said.npos && !by.passed(std::chrono::steady_clock::now());) {
    probe.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
    said = probe.read_reply().bytes;
    if (said.empty()) break;
    if (!std::exchange(told, true)) it.process.signal(SIGTERM);  // from now on it says that it is not ready
  }
  EXPECT_THAT(said, HasSubstr(" 503 "));
  EXPECT_EQ(it.wait(), exit_status{.code = 0});
}

TEST(field, a_file_is_no_younger_than_its_response_and_not_of_1970) {
  const scratch_folder folder;
  const std::string path = folder.file("file.txt");
  std::ofstream(path) << "text";
  input it({"last_modified", path});
  const auto touch = [&](std::time_t when) {
    const timespec times[2] = {{when, 0}, {when, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  touch(4'102'444'800);  // 2100
  const std::string future = it.get("/");
  EXPECT_GT(seconds_of(value_of(future, "Last-Modified")), 0) << future;
  EXPECT_LE(seconds_of(value_of(future, "Last-Modified")), seconds_of(value_of(future, "Date"))) << future;
  touch(0);
  const std::string none = it.get("/");
  EXPECT_EQ(value_of(none, "Last-Modified"), "") << none;
  EXPECT_THAT(none, HasSubstr("text"));
  EXPECT_EQ(it.end(), exit_status{.code = 0});
}

TEST(field, a_head_that_http2_cannot_send_is_a_500_and_holds_no_drain) {
  namespace h2 = lastcall::http::testing_h2;
  input it({"large_head"});
  raw_client c = it.enters();
  c.send(h2::preface + h2::settings() + h2::get(1) + h2::ping());
  std::string heard;
  const auto hear = [&](std::string_view until) {
    for (std::string more; heard.find(until) == heard.npos; heard += more)
      if ((more = c.read_some()).empty()) return false;
    return true;
  };
  ASSERT_TRUE(hear("12345678")) << "the ping behind the request comes back";
  const auto began = std::chrono::steady_clock::now();
  it.process.signal(SIGTERM);
  EXPECT_TRUE(hear("internal server error\n"));
  EXPECT_EQ(it.wait(), exit_status{.code = 0}) << it.process.errors();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 15s) << "it lasted to its end, 18 s";
  EXPECT_THAT(it.process.errors(), HasSubstr("too large"));
}

/// A client that writes all of its body first, at its own speed, and reads afterwards, as many HTTP libraries do.
std::string upload(testbed& server, std::size_t size, std::size_t bytes_per_second) {
  raw_client c(lastcall::testing::parse_server_address(server.url()));
  c.send("POST /request/x HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  const std::string piece(16'384, 'x');
  for (std::size_t sent = 0; sent < size; sent += piece.size()) {
    if (!c.send(std::string_view(piece).substr(0, size - sent))) return "it could not send its body";
    if (bytes_per_second > 0)  // the pace of the load
      std::this_thread::sleep_for(std::chrono::duration<double>(double(piece.size()) / double(bytes_per_second)));
  }
  return c.read_reply().status_line();
}

TEST(field, an_early_answer_reaches_a_client_that_sends_its_body_first) {
  testbed server({"--max-body", "100000"});
  EXPECT_EQ(upload(server, 400'000, 400'000), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(upload(server, 2'000'000, 4'000'000), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(upload(server, 50'000'000, 0), "HTTP/1.1 413 Content Too Large");
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0});
}

TEST(field, a_hangup_amid_the_drain_loses_nothing) {
  testbed server;
  raw_client c(lastcall::testing::parse_server_address(server.url()));
  c.send("GET /slow?ms=2500 HTTP/1.1\r\nHost: a\r\n\r\n");
  raw_client other(lastcall::testing::parse_server_address(server.url()));
  other.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  other.read_reply();  // the slow one has been read before
  server.process.signal(SIGTERM);
  other.read_to_end();  // it drains
  server.process.signal(SIGHUP);
  EXPECT_THAT(c.read_reply().bytes, HasSubstr("slow\n"));
  EXPECT_EQ(server.wait(), exit_status{.code = 0});
}

TEST(field, a_process_without_descriptors_is_gone_at_once) {
  input it({"no_descriptor_left"}, "ulimit -n 64; ");
  const std::string url = it.url();
  ASSERT_TRUE(it.process.wait_for_line("no descriptor left", deadline(30s)));
  raw_client waits(lastcall::testing::parse_server_address(url));  // in the kernel's queue: nothing can accept it
  waits.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  const exit_status how = it.end();
  EXPECT_LT(std::chrono::steady_clock::now() - began, sanitized ? 8s : 2s);
  const bool answered = waits.read_reply().bytes.starts_with("HTTP/1.1 ");
  EXPECT_TRUE(answered || how.code != 0) << "neither answered nor counted: " << it.report();
}

TEST(field, a_forked_helper_does_not_keep_the_service_from_its_next_start) {
  input first({"forked_helper", "0"});
  const std::string said = first.get("/helper");
  ASSERT_THAT(said, HasSubstr("\nhelper "));
  const ::pid_t helper = std::stoi(said.substr(said.find("\nhelper ") + 8));
  const std::string url = first.url();
  EXPECT_EQ(first.end(), exit_status{.code = 0});
  EXPECT_EQ(::kill(helper, 0), 0) << "it has the descriptor still";
  input second({"forked_helper", url.substr(url.rfind(':') + 1)});
  EXPECT_EQ(second.url(), url);
  EXPECT_EQ(second.end(), exit_status{.code = 0});
  EXPECT_EQ(::kill(helper, SIGKILL), 0);
}

TEST(field, a_thread_that_a_handler_ends_is_a_500_and_loses_nothing_else) {
  input it({"thread_exit"});
  EXPECT_THAT(it.get("/"), HasSubstr(" 500 "));
  EXPECT_THAT(it.get("/other"), HasSubstr("other\n"));
  EXPECT_EQ(it.end(), exit_status{.code = 0});
}

TEST(field, a_foreign_exception_is_a_failure_wherever_it_is_thrown) {
  for (const char* where : {"run", "start", "pthread_exit", "drain"}) {
    input it({"foreign_exception", where});
    EXPECT_EQ(it.wait(), exit_status{.code = 1}) << where << ": " << it.process.errors();
  }
  input it({"foreign_exception", "handler"});
  for (const char* path : {"/plain", "/coroutine", "/pool"})
    EXPECT_THAT(it.get(path), HasSubstr(" 500 ")) << path << it.process.errors();
  raw_client ws = it.enters();
  ws.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_THAT(ws.read_head().bytes, HasSubstr(" 101 "));
  ws.send(std::string("\x81\x81\0\0\0\0x", 7));
  EXPECT_THAT(ws.read_some(), HasSubstr("\x88\x02\x03\xf3")) << "closed with 1011";
  ws.close();
  EXPECT_EQ(it.end(), exit_status{.code = 0});
}

TEST(field, a_path_that_cannot_be_removed_is_told) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can drop privileges";
  const scratch_folder folder;
  const std::string path = folder.file("d.sock");
  input it({"dropped_privileges", path});
  EXPECT_THAT(it.get("/"), HasSubstr("23456\n"));
  it.end();
  struct stat there{};
  EXPECT_EQ(::lstat(path.c_str(), &there), 0) << "nobody could remove it";
  EXPECT_THAT(it.process.errors(), HasSubstr(path));
}

TEST(field, a_coroutine_on_another_io_context_outlives_the_app) {
  input it({"own_io_context"});
  raw_client c = it.enters();
  c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(it.process.wait_for_line("at work", deadline(30s)));
  EXPECT_EQ(it.end(), exit_status{.code = 3}) << it.process.errors();
}

TEST(field, an_exit_on_another_thread_ends_in_order_with_its_code) {
  for (int i = 0; i < 3; ++i) {
    input it({"static_app_exit"});
    EXPECT_EQ(it.wait(), exit_status{.code = 7}) << it.process.errors();
  }
}

TEST(field, a_runtime_on_an_io_context_of_many_threads_is_refused_or_works) {
  input it({"io_context_with_threads"});
  if (!it.process.wait_for_line("listening on ", deadline(30s))) {
    EXPECT_NE(it.wait().code, 0);
    EXPECT_THAT(it.process.errors(), HasSubstr("io_context"));
    return;
  }
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i)
      clients.emplace_back([&, i] {
        raw_client c = it.enters();
        for (int n = 0; n < 200; ++n) {
          const std::string id = "user" + std::to_string(i) + "-" + std::to_string(n);
          c.send("GET /" + id + " HTTP/1.1\r\nHost: a\r\n\r\n");
          if (c.read_reply().bytes.find("\r\n\r\n" + id + "\n") == std::string::npos) ++wrong;
        }
      });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(it.end(), exit_status{.code = 0}) << it.process.errors();
}

}  // namespace
