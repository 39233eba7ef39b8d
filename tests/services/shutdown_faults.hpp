// The server behind a program breaks, or the network to it, at any moment of the program's shutdown: the frame of the
// tests that hold a program to its grace then.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing.hpp"
#include "lastcall/testing/internal/child_process.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

using namespace std::chrono_literals;

struct fault {
  const char* what;
  bool is_seen_at_once;  ///< by the program
  std::function<void()> breaks;
  std::function<void()> mends;  ///< called once the program is gone
};

/// `Server` is one of its own for each test; programs reach it by `relay_`.
template <class Server> class shutdown_faults : public testing::Test {
 protected:
  struct bounds {
    std::chrono::milliseconds grace, slack;
    std::chrono::milliseconds apart;  ///< at most: the signal comes before or after the fault
    bool may_hang = false;            ///< with a fault that it does not see
  };
  explicit shutdown_faults(const bounds& of) : bounds_(of) {}
  ~shutdown_faults() override {
    std::printf("exit codes: %d times 0, %d times 3, %d times 4\n", seen_[0], seen_[3], seen_[4]);
  }

  /// Starts the program and its load, and calls `end_around`. What must hold each time it expects; false: it was late.
  virtual bool is_in_time(std::uint64_t seed, std::mt19937_64& random, const fault& by) = 0;

  void break_it(int run, const fault& by) {
    const auto seed = static_cast<std::uint64_t>(run);
    const std::string name = std::string(by.what) + ", seed " + std::to_string(seed);
    const bool in_time = lastcall::median_says([&] {
      SCOPED_TRACE(name);
      std::mt19937_64 random(seed);
      return is_in_time(seed, random, by);
    });
    EXPECT_TRUE(in_time) << name;
  }

  void break_the_network(int runs) {
    const auto all = [&](const lastcall::testing::line_faults& to_both) {
      relay_.set(lastcall::testing::relay_faults::both(to_both));
      for (const auto& one : relay_.connections())
        if (one.open) relay_.set(one.number, lastcall::testing::relay_faults::both(to_both));
    };
    const auto mend = [&] {
      relay_.refuse_new(false);
      all({});
      relay_.reset_all();
    };
    const auto reset_and_refuse = [&] {
      relay_.refuse_new();
      relay_.reset_all();
    };
    for (int run = 0; run < runs; ++run) {
      const std::array<fault, 5> kinds{{
          {"delayed", false, [&] { all({.delay = 5ms + std::chrono::milliseconds(run)}); }, mend},
          {"stalled", false, [&] { all({.stalled = true}); }, mend},
          {"cut", true, [&] { relay_.cut_all(); }, mend},
          {"reset", true, [&] { relay_.reset_all(); }, mend},
          {"reset, and refused from then on", true, reset_and_refuse, mend},
      }};
      break_it(run, kinds[static_cast<std::size_t>(run) % kinds.size()]);
    }
  }

  struct ending {
    int code = -1;  ///< -1: it hangs, which has failed the test
    bool in_time = false;
  };
  ending end_around(lastcall::testing::child_process& it, std::mt19937_64& random, const fault& by,
                    const std::function<void()>& end_load) {
    const bool signal_first = random() % 2 == 0;
    const auto between = up_to(random, bounds_.apart);
    std::chrono::steady_clock::time_point began;
    const auto signal = [&] {
      it.signal(SIGTERM);
      began = std::chrono::steady_clock::now();
    };
    if (signal_first) signal();
    if (signal_first) std::this_thread::sleep_for(between);
    by.breaks();
    if (!signal_first) std::this_thread::sleep_for(between);
    if (!signal_first) signal();
    const auto end = it.wait(lastcall::deadline(60s));
    const auto took = it.gone_at() - began;
    by.mends();
    end_load();
    if (!end) {
      ADD_FAILURE() << "it hangs: " << it.errors();
      return {};
    }
    EXPECT_THAT(end->code, testing::AnyOf(0, 3, 4)) << it.errors();
    ++seen_[static_cast<std::size_t>(end->code)];
    const bool hung = end->code == 4 && !process_tests::sanitized && (by.is_seen_at_once || !bounds_.may_hang);
    const bool in_time = took <= bounds_.grace + (process_tests::sanitized ? 20s : bounds_.slack) && !hung;
    if (!in_time)
      std::printf("exit code %d after %s\n%s\n", end->code, lastcall::to_text(took).c_str(), it.errors().c_str());
    return {.code = end->code, .in_time = in_time};
  }
  /// The moment is what is tested.
  static std::chrono::milliseconds up_to(std::mt19937_64& random, std::chrono::milliseconds most) {
    return std::chrono::milliseconds(static_cast<long>(random() % static_cast<std::uint64_t>(most.count())));
  }

  const bounds bounds_;
  Server server_;
  lastcall::testing::fault_relay relay_{lastcall::testing::parse_server_address("unix:" + server_.socket())};
  std::array<int, 256> seen_{};
};

}  // namespace service_tests
