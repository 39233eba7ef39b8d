// Clients of the testbed's raw TCP port, by the hundred, which send lines, count what comes back, and go on until the
// server says goodbye.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/process/many_clients.hpp"
#include "tests/process/testbed.hpp"

namespace process_tests {

inline constexpr std::size_t lines_at_once = 5;

/// Sends lines, five at once, and the next five as soon as it has these back.
struct echo_client {
  std::uint64_t sent = 0, echoed = 0, before_bye = 0;
  bool wrong = false, bye = false;
  std::string line = {};

  std::string next(std::size_t who) {
    std::string lines;
    for (std::size_t i = 0; i < lines_at_once; ++i)
      lines += "line " + std::to_string(sent++) + " of " + std::to_string(who) + "\n";
    return lines;
  }
  void hear(std::size_t who, std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (line == "bye" && !bye) {
        bye = true;
        before_bye = echoed;
      } else {
        wrong = wrong || line != "line " + std::to_string(echoed++) + " of " + std::to_string(who);
      }
      line.clear();
    }
  }
};

/// Of the testbed's raw TCP listener.
inline std::string tcp_url(testbed& server) {
  const auto line = server.process.wait_for_line("listening on tcp://", deadline(30s));
  if (!line) throw std::runtime_error("no TCP listener");
  return "http://" + line->substr(line->find("tcp://") + 6);
}

struct line_clients {
  line_clients(const std::string& url, std::size_t count)
      : heard(count),
        clients((lastcall::testing::raise_descriptor_limit(), lastcall::testing::parse_server_address(url)), count) {
    for (std::size_t i = 0; i < count; ++i) clients.send(i, heard[i].next(i));
  }

  /// Until each has had so many answers to all its lines.
  bool talk_until(std::size_t rounds) {
    return run([&] {
      for (const echo_client& each : heard)
        if (each.echoed < rounds * lines_at_once) return false;
      return true;
    });
  }
  bool talk_to_the_end() {
    return run([] { return false; });
  }

  /// A goodbye for each, an answer for every line sent before that was heard, and an orderly end.
  void expect_all_ended_well() const {
    std::size_t said_bye = 0, wrong = 0, unanswered = 0;
    for (const echo_client& each : heard) {
      said_bye += each.bye ? 1 : 0;
      wrong += each.wrong || !each.line.empty() ? 1 : 0;
      unanswered += each.sent - each.echoed;
    }
    EXPECT_EQ(said_bye, heard.size());
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(unanswered, 0U);
    EXPECT_EQ(clients.count(many_clients::ended::fin), heard.size());
    EXPECT_EQ(clients.count(many_clients::ended::rst), 0U);
  }

  std::vector<echo_client> heard;
  many_clients clients;

 private:
  template <class F> bool run(F enough) {
    const auto hear = [this](std::size_t who, std::string_view bytes) {
      echo_client& c = heard[who];
      c.hear(who, bytes);
      if (c.bye) {
        clients.finish(who);
      } else if (c.echoed == c.sent) {
        clients.send(who, c.next(who));
      }
    };
    return clients.run(deadline(60s), hear, [](std::size_t) {}, enough);
  }
};

}  // namespace process_tests
