// Consumers of a stream outside of an app, and a server whose state tests can ask for.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/report/report.hpp"
#include "lastcall/redis.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/redis_server.hpp"

namespace service_tests {

namespace kv = lastcall::redis;
using lastcall::context;
using lastcall::within;

/// What was processed, and how often.
class seen_entries {
 public:
  void add(const std::string& id) {
    const std::lock_guard held(mutex_);
    ++seen_[id];
    changed_.notify_all();
  }
  /// False: `times` calls have not come within a minute.
  bool wait_for(std::size_t times) {
    std::unique_lock held(mutex_);
    return changed_.wait_for(held, 60s, [&] { return calls() >= times; });
  }
  std::map<std::string, int> all() const {
    const std::lock_guard held(mutex_);
    return seen_;
  }

 private:
  std::size_t calls() const {
    std::size_t sum = 0;
    for (const auto& [id, count] : seen_) sum += static_cast<std::size_t>(count);
    return sum;
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> seen_;
};

/// A consumer outside of an app.
class running_consumer {
 public:
  explicit running_consumer(kv::consumer_options with, lastcall::logger log = {})
      : it_(std::move(with), std::move(log)) {
    it_.start(ends_.get());
  }
  ~running_consumer() {
    if (!drained_) drain();
    if (!forced_ && !ended_within(60s)) force();
    stop();
  }
  void drain() {
    drained_.emplace();
    gone_ = drained_->get_future();
    ends_.begin_drain(lastcall::steady().now() + 3600s);
    it_.drain(ends_.get(), [this] { drained_->set_value(); });
  }
  bool ended_within(lastcall::duration time) { return gone_.wait_for(time) == std::future_status::ready; }
  void force() {
    forced_ = true;
    it_.force();
    ends_.force();
  }
  /// Drains, which must come to its end, and stops.
  lastcall::component_report end() {
    if (!drained_) drain();
    EXPECT_TRUE(ended_within(60s)) << "it does not drain";
    return stop();
  }
  lastcall::component_report stop() {
    if (!std::exchange(stopped_, true)) it_.stop();
    lastcall::component_report said;
    it_.account(said);
    return said;
  }
  std::vector<lastcall::work_item> in_progress() const {
    std::vector<lastcall::work_item> all;
    it_.in_progress(all, 10);
    return all;
  }

 private:
  lastcall::context_source ends_;
  kv::consumer it_;
  std::optional<std::promise<void>> drained_;
  std::future<void> gone_;
  bool forced_ = false;
  bool stopped_ = false;
};

inline std::int64_t field(const lastcall::component_report& of, const std::string& name) {
  for (const auto& [key, value] : of.fields)
    if (key == name) return std::get<std::int64_t>(value);
  return 0;
}
inline std::string text(const lastcall::component_report& of, const std::string& name) {
  for (const auto& [key, value] : of.fields)
    if (key == name) return std::get<std::string>(value);
  return "";
}

class redis_consumer : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<redis_server>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { ask("FLUSHALL"); }

  static kv::connection connect() { return std::move(*kv::connection::open({}, {.url = server_->url()})); }
  template <class... A> static kv::reply ask(const char* name, const A&... values) {
    return std::move(*connect().command(within({}, 60s), name, values...));
  }
  static std::string add(int number) {
    return std::string(ask("XADD", "orders", "*", "number", number, "item", "tea").text());
  }
  static kv::consumer_options with(lastcall::function<void(const kv::entry&, const context&)> process) {
    return {.url = server_->url(),
            .stream = "orders",
            .group = "shipping",
            .consumer = "ours",
            .process = std::move(process)};
  }
  static std::size_t pending() {
    auto on = connect();
    const auto said = on.command({}, "XPENDING", "orders", "shipping");
    return said ? (*said)[0].get<std::size_t>() : 0;
  }
  static bool comes_true(const std::function<bool()>& what) {
    for (const lastcall::deadline by(60s); !by.passed(std::chrono::steady_clock::now());)
      if (what()) return true;
    return false;
  }

  static inline std::unique_ptr<redis_server> server_;
};

}  // namespace service_tests
