// For tests of components made of functions: a library's server to stop, and how to look into the report.
#pragma once

#include <atomic>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/app/app_double_test.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"

namespace lastcall::inline v0::testing_core {

inline std::string failure_of(const function<void()>& call) {
  try {
    call();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "none";
}

/// Another library's server: serve() blocks until stop(), and a stop() that comes too early is lost.
class foreign_server {
 public:
  void serve() {
    std::unique_lock held(mutex_);
    may_begin_.wait(held, [&] { return !late_; });
    running_ = true;
    stopped_.wait(held, [&] { return !running_; });
  }
  bool is_running() {
    const std::lock_guard held(mutex_);
    ++looks_;
    return running_;
  }
  void stop() {
    const std::lock_guard held(mutex_);
    running_ = false;
    stopped_.notify_all();
  }
  void begin_late() {
    const std::lock_guard held(mutex_);
    late_ = true;
  }
  void begin_now() {
    const std::lock_guard held(mutex_);
    late_ = false;
    may_begin_.notify_all();
  }
  int looks() {
    const std::lock_guard held(mutex_);
    return looks_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable stopped_, may_begin_;
  bool running_ = false, late_ = false;
  int looks_ = 0;
};

/// For the rest of the process.
inline void hang() {
  static auto& never = *new std::latch(1);
  never.wait();
}

inline const component_report& component_of(const report& r, const std::string& name) {
  for (const component_report& c : r.components)
    if (c.name == name) return c;
  throw std::invalid_argument("no component " + name);
}

inline std::optional<std::string> field(const component_report& c, const std::string& key) {
  for (const auto& [name, value] : c.fields)
    if (name == key) return std::get<std::string>(value);
  return std::nullopt;
}

}  // namespace lastcall::inline v0::testing_core
