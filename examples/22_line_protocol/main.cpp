// A protocol of lines on raw TCP: commands in, answers out, and a goodbye in its own words when the server is told to
// stop. Try it: printf 'ADD 2 3\nQUIT\n' | nc 127.0.0.1 8086
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/tcp.hpp"

using namespace std::chrono_literals;
namespace net = lastcall::net;

namespace {

/// "2 3" is "5".
std::string sum(std::string_view numbers) {
  long total = 0;
  while (!numbers.empty()) {
    long one = 0;
    const auto [end, error] = std::from_chars(numbers.data(), numbers.data() + numbers.size(), one);
    if (error != std::errc() || (end != numbers.data() + numbers.size() && *end != ' ')) return "501 not a number\n";
    if (__builtin_add_overflow(total, one, &total)) return "501 too much\n";
    numbers.remove_prefix(static_cast<std::size_t>(end - numbers.data()));
    if (!numbers.empty()) numbers.remove_prefix(1);
  }
  return "200 " + std::to_string(total) + "\n";
}

/// Until the remote's end, ours, or QUIT.
lastcall::task<> answer_lines(net::tcp_stream& s, bool& quit) {
  while (const auto line = co_await s.read_until()) {  // every line that came before our goodbye is still answered
    std::string answer;
    const bool cr = line->ends_with('\r');
    const std::string said(line->substr(0, line->size() - (cr ? 1 : 0)));
    if (said == "QUIT") {
      quit = true;
      answer = "221 bye\n";
    } else if (said.starts_with("ADD ")) {
      answer = sum(std::string_view(said).substr(4));
    } else {
      answer = "500 ADD n n... or QUIT\n";
    }
    const bool sent = co_await s.write(answer);
    if (!sent || quit) co_return;  // what was written is sent, then the connection ends cleanly
  }
}

lastcall::task<> converse(net::tcp_stream s) {
  bool quit = false;
  const std::string ready = "220 ready\n", closing = "421 closing, come back in a moment\n";
  co_await s.write(ready);
  co_await answer_lines(s, quit);
  if (quit || !s.life().draining()) co_return;
  co_await s.write(closing);
  s.read_on();  // what was sent before that was heard is answered, too
  co_await answer_lines(s, quit);
}

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8086);
  lastcall::app app{{.grace = 20s}};
  const auto server = app.add<net::tcp_server>(
      "lines",
      {.port = port, .handler = converse, .limits = {.input_bytes = 4096, .idle_close_after = 5min}, .jitter = 1s});
  app.add("listening_lines",
          {.start =
               [server] {
                 std::printf("listening on tcp://127.0.0.1:%d\n", server->addresses().front().port());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
}
