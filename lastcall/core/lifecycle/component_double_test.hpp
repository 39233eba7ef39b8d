// For tests: a component that notes its verbs in a journal and otherwise does what the test says.
#pragma once

#include <gmock/gmock.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::testing_core {

/// Threads: any.
class journal {
 public:
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

MATCHER_P(ContainsInOrderThese, wanted,
          std::string(negation ? "lacks" : "has") + " in this order " + testing::PrintToString(wanted)) {
  auto next = wanted.begin();
  for (const std::string& line : arg)
    if (next != wanted.end() && line == *next) ++next;
  if (next != wanted.end()) *result_listener << "where \"" << *next << "\" is missing";
  return next == wanted.end();
}

/// Verbs of components that don't need each other, and a force with whatever it cuts, run side by side: a test names
/// each order that is promised, and leaves the others open.
template <typename... Lines> auto contains_in_order(Lines... lines) {
  return ContainsInOrderThese(std::vector<std::string>{lines...});
}

struct behaviour {
  function<void(context)> start{};
  function<void()> announce{};
  function<void(context, lastcall::drained)> drain{};  // empty: has drained at once
  function<void()> force{};
  function<void()> stop{};
  function<void(component_report&)> account{};
  function<void(metrics&)> measure{};
  function<void(std::vector<work_item>&)> in_progress{};
  shutdown_times times{};
};

class component_double : public component {
 public:
  component_double(std::string name, journal& notes, behaviour does = {})
      : name_(std::move(name)), notes_(notes), does_(std::move(does)) {}
  ~component_double() override { notes_.note("~" + name_); }

  void start(context ends) override {
    notes_.note("start " + name_);
    if (does_.start) does_.start(ends);
  }
  void announce() noexcept override {
    notes_.note("announce " + name_);
    if (does_.announce) does_.announce();
  }
  void drain(context ends, lastcall::drained done) override {
    notes_.note("drain " + name_);
    does_.drain ? does_.drain(ends, std::move(done)) : done();
  }
  void force() noexcept override {
    notes_.note("force " + name_);
    if (does_.force) does_.force();
  }
  void stop() noexcept override {
    notes_.note("stop " + name_);
    if (does_.stop) does_.stop();
  }
  void account(component_report& out) const override {
    if (does_.account) does_.account(out);
  }
  void measure(metrics& into) const override {
    if (does_.measure) does_.measure(into);
  }
  shutdown_times times() const override { return does_.times; }
  void in_progress(std::vector<work_item>& out, std::size_t) const override {
    if (does_.in_progress) does_.in_progress(out);
  }

 private:
  std::string name_;
  journal& notes_;
  behaviour does_;
};

}  // namespace lastcall::inline v0::testing_core
