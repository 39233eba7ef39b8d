// The same service within its own tests: start() and shutdown() put it into a process that goes on, whatever happens.
// Plain C++, but any test framework will do.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <latch>
#include <stdexcept>
#include <string>

#include "lastcall/app.hpp"
#include "service.hpp"

using namespace std::chrono_literals;

namespace {

int failures = 0;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) ++failures;
}

/// No signals and no environment: the test decides.
lastcall::app_options for_tests() {
  return {.grace = 5s, .signals = {}, .log = lastcall::log_level::none, .environment = false};
}

std::string ask(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string reply;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    const std::string request = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char piece[1024];
    for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;) reply.append(piece, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return reply;
}

void serves_and_ends_without_loss() {
  service it;  // before the app that uses it
  lastcall::app app{for_tests()};
  it.build(app, 0);
  app.start();
  bool all = true;
  for (int i = 0; i < 20; ++i) all = all && ask(it.port()).starts_with("HTTP/1.1 200");
  const lastcall::report& end = app.shutdown(lastcall::deadline(5s));
  check(all, "every request was answered");
  check(end.outcome == lastcall::outcome::graceful && end.exit_code == 0, "the service drained");
  check(end.requests().answered == 20 && end.requests().adds_up(), "the report counts what the client counted");
  check(it.written() == 20, "the writer ended after the server, and missed nothing");
}

void names_what_hangs_and_goes_on() {
  static auto& never = *new std::latch(1);
  service it;
  lastcall::app app{for_tests()};
  it.build(app, 0);
  app.add("stubborn", [](const lastcall::context&) { never.wait(); });
  app.start();
  const lastcall::report& end = app.shutdown(lastcall::deadline(300ms));
  check(end.exit_code == 4 && end.hung() == std::vector<std::string>{"stubborn"}, "what hangs is named, in time");
  bool others = true;
  for (const lastcall::component_report& each : end.components)
    others = others && each.stopped != (each.name == "stubborn");
  check(others, "all others have stopped, and the process is still here");
}

void a_failed_start_leaves_nothing() {
  service it;
  lastcall::app app{for_tests()};
  it.build(app, 0);
  app.add("broken", {.start = [] { throw std::runtime_error("no such database"); }});
  std::string why;
  try {
    app.start();
  } catch (const std::exception& failed) {
    why = failed.what();
  }
  check(why == "component \"broken\" failed to start: no such database", "a failed start says which and why");
}

}  // namespace

int main() {
  for (int again = 0; again < 20; ++again) serves_and_ends_without_loss();
  names_what_hangs_and_goes_on();
  a_failed_start_leaves_nothing();
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
