// Clients of the testbed's /events, by the hundred, which know each what they have heard and whether it was whole.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/testing/internal/http_reply.hpp"
#include "tests/process/many_clients.hpp"
#include "tests/process/testbed.hpp"

namespace process_tests {

using lastcall::testing::http_reply;
using lastcall::testing::parse_server_address;

/// What one client of /events has heard, whatever way it was sliced. Each event is sent in a chunk of its own.
struct listener {
  http_reply reply = {};
  std::string line = {};
  std::uint64_t ticks = 0, first = 0, last = 0, gaps = 0;
  unsigned hints = 0;  // since the last tick
  std::string retry = {};
  std::chrono::steady_clock::time_point ended = {};

  void hear(std::string_view bytes) {
    reply.take(bytes);
    for (const char c : bytes) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (line.starts_with("id: ")) {
        std::uint64_t id = 0;
        std::from_chars(line.data() + 4, line.data() + line.size(), id);
        if (ticks++ == 0) first = id;
        gaps += ticks > 1 && id != last + 1 ? 1 : 0;
        last = id;
        hints = 0;
      } else if (line.starts_with("retry: ")) {
        retry = line.substr(7);
        ++hints;
      }
      line.clear();
    }
  }
};

struct streams {
  explicit streams(const std::string& url, std::size_t count, const std::string& target = "/events")
      : heard(count), clients((lastcall::testing::raise_descriptor_limit(), parse_server_address(url)), count) {
    for (std::size_t i = 0; i < count; ++i) {
      heard[i].reply.begin();
      clients.send(i, "GET " + target + " HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    }
  }

  /// Reads until each has had so many ticks.
  bool until_ticks(std::uint64_t wanted) {
    return run([&] {
      for (const listener& each : heard)
        if (each.ticks < wanted) return false;
      return true;
    });
  }
  bool until_all_have_ended() {
    return run([] { return false; });
  }

  /// Whole to the last chunk, with the hint behind the last tick, and an orderly end.
  void expect_all_ended_well() const {
    std::size_t whole = 0, hinted = 0, gaps = 0;
    for (const listener& each : heard) {
      whole += each.reply.complete() && !each.reply.malformed() ? 1 : 0;
      hinted += each.hints == 1 ? 1 : 0;
      gaps += each.gaps;
    }
    EXPECT_EQ(whole, heard.size());
    EXPECT_EQ(hinted, heard.size());
    EXPECT_EQ(gaps, 0U);
    EXPECT_EQ(clients.count(many_clients::ended::fin), heard.size());
    EXPECT_EQ(clients.count(many_clients::ended::rst), 0U);
  }

  std::vector<listener> heard;
  many_clients clients;

 private:
  template <class F> bool run(F enough) {
    return clients.run(
        deadline(60s), [this](std::size_t who, std::string_view bytes) { heard[who].hear(bytes); },
        [this](std::size_t who) { heard[who].ended = std::chrono::steady_clock::now(); }, enough);
  }
};

}  // namespace process_tests
