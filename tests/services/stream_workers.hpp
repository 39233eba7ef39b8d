// Processes of examples/35_stream, and an auditor who asks the server what became of the entries.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/redis.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/redis_server.hpp"

namespace service_tests {

namespace kv = lastcall::redis;

/// One that serves.
class stream_worker {
 public:
  explicit stream_worker(const std::string& url, const std::string& grace = "10s")
      : process({process_tests::program("stream_worker"), url},
                {.environment = {"LASTCALL_GRACE=" + grace, "LASTCALL_RESERVE=500ms",
                                 "LASTCALL_REPORT=" + scratch_.file("report.json")}}) {
    if (!process.wait_for_error_line("app: ready", lastcall::deadline(60s)))
      throw std::runtime_error("the consumer did not start: " + process.errors());
  }
  /// Empty before the exit.
  process_tests::document report() const { return process_tests::document::from_file(scratch_.file("report.json")); }

 private:
  process_tests::scratch_folder scratch_;

 public:
  lastcall::testing::child_process process;
};

/// Adds entries until it is told to stop, or its server has gone.   Threads: one of its own.
class orders {
 public:
  explicit orders(std::string url, int takes_ms = 3)
      : url_(std::move(url)), takes_ms_(takes_ms), thread_([this] { add(); }) {}
  ~orders() { stop(); }
  orders& operator=(orders&&) = delete;
  void stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::size_t added() const noexcept { return added_; }
  /// Returns once there are so many more.
  void wait_for_more(std::size_t count) const {
    const std::size_t from = added_;
    for (const lastcall::deadline by(60s); added_ < from + count && !over_;) {
      if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("nothing is added");
      std::this_thread::sleep_for(1ms);
    }
  }

 private:
  void add() {
    auto on = kv::connection::open(lastcall::within({}, 60s), {.url = url_});
    while (!stops_ && on) {
      if (!on->command(lastcall::within({}, 60s), "XADD", "orders", "*", "item", "tea", "takes_ms", takes_ms_)) break;
      ++added_;
      std::this_thread::sleep_for(500us);  // the load
    }
    over_ = true;
  }

  const std::string url_;
  const int takes_ms_;
  std::atomic<bool> stops_ = false, over_ = false;
  std::atomic<std::size_t> added_ = 0;
  std::thread thread_;
};

class stream_auditor {
 public:
  explicit stream_auditor(const std::string& url)
      : on_(std::move(*kv::connection::open(lastcall::within({}, 60s), {.url = url, .connect_within = 60s}))) {}

  std::set<std::string> in_the_stream() { return ids(ask("XRANGE", "orders", "-", "+")); }
  std::set<std::string> pending() {
    const auto said = on_.command(lastcall::within({}, 60s), "XPENDING", "orders", "shipping", "-", "+", 1'000'000);
    return said ? ids(*said) : std::set<std::string>();
  }
  /// Those that were given to a consumer, and were acknowledged.
  std::set<std::string> acknowledged() {
    const auto groups = ask("XINFO", "GROUPS", "orders");
    if (groups.empty()) return {};
    std::set<std::string> all = ids(ask("XRANGE", "orders", "-", groups[0][7].text()));
    for (const std::string& id : pending()) all.erase(id);
    return all;
  }
  std::map<std::string, int> times(const char* what) {
    std::map<std::string, int> all;
    const auto said = ask("HGETALL", what);
    for (std::size_t at = 0; at + 1 < said.size(); at += 2) all[std::string(said[at].text())] = said[at + 1].get<int>();
    return all;
  }
  /// All that was acknowledged is done.
  void expect_nothing_half() {
    const auto told = acknowledged();  // first: the others go on
    const auto shipped = times("shipped");
    for (const std::string& id : told) EXPECT_TRUE(shipped.contains(id)) << id << " is acknowledged, not done";
  }
  /// False: something is left after four minutes.
  bool all_is_done() {
    for (const lastcall::deadline by(240s); !by.passed(std::chrono::steady_clock::now());
         std::this_thread::sleep_for(50ms))  // the workers need the processor
      if (acknowledged() == in_the_stream()) return true;
    return false;
  }
  template <class... A> kv::reply ask(const char* name, const A&... values) {
    return std::move(*on_.command(lastcall::within({}, 60s), name, values...));
  }

 private:
  static std::set<std::string> ids(const kv::value& of) {
    std::set<std::string> all;
    for (const auto each : of) all.emplace(each[0].text());
    return all;
  }
  kv::connection on_;
};

}  // namespace service_tests
