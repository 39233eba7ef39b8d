// Clients of the testbed's TLS port, one thread each, which ask on and on and count what became of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/net/tls/tls_client_test.hpp"
#include "tests/process/testbed.hpp"

namespace process_tests {

using lastcall::net::endpoint;
using lastcall::testing_net::authority;
using lastcall::testing_net::tls_client;

/// Who signs the testbed's certificates, and what it is started with.
struct tls_house {
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"--tls-port", "0", "--cert", keys.chain, "--key", keys.key};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static endpoint where(testbed& server) {
    const auto line = server.process.wait_for_line("listening on https://", deadline(10s));
    if (!line) throw std::runtime_error("it does not say where it speaks TLS");
    return *lastcall::net::parse_endpoint(line->substr(line->rfind('/') + 1));
  }
  tls_client::wish wish() const { return {.ca_file = ca.ca_file()}; }

  authority ca;
  authority::files keys = ca.issue({.common_name = "first"}, "first");
};

inline const std::string request = "GET /async HTTP/1.1\r\nHost: localhost\r\n\r\n";

enum class outcome { answered, last, lost };

/// One request and its whole response.
inline outcome ask(tls_client& c) {
  c.say(request);
  const std::string head = c.hear_until("\r\n\r\n");
  if (!head.starts_with("HTTP/1.1 200 ") || c.hear_bytes(6) != "hello\n") return outcome::lost;
  return head.find("\r\nConnection: close\r\n") == head.npos ? outcome::answered : outcome::last;
}

/// What the clients of one server count.
struct tls_counts {
  std::atomic<std::uint64_t> answered{0}, lost{0}, refused{0}, rude{0};
};

/// Asks on and on, on a new connection after the last answer of each, until nobody takes it any more.
inline void busy(const endpoint& to, const tls_client::wish& wanted, unsigned requests_each, tls_counts& into) {
  for (;;) {
    tls_client c(to, wanted);
    if (c.connect_error() != 0) {
      ++into.refused;
      return;
    }
    if (!c.shake_hands()) {
      ++into.lost;
      continue;
    }
    for (unsigned i = 0;; ++i) {
      if (i == requests_each) {  // it has enough of this connection
        c.say_close();
        break;
      }
      const outcome came = ask(c);
      (came == outcome::lost ? into.lost : into.answered) += 1;
      if (came == outcome::lost) break;
      if (came == outcome::answered) continue;
      c.hear_all();
      if (!c.told_of_the_end() || !c.fin_follows()) ++into.rude;
      break;
    }
  }
}

}  // namespace process_tests
