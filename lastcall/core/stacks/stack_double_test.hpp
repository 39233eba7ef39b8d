// Threads that stand somewhere on purpose, for tests that look where they stand.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/core/stacks/stack_signal.hpp"
#include "lastcall/core/stacks/symbols.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall {

constexpr auto generous = std::chrono::seconds(20);

template <class F> bool comes_true(F fact) {
  for (const auto end = steady().now() + generous; steady().now() < end; poll(nullptr, 0, 1))
    if (fact()) return true;
  return false;
}

/// The stack of one thread of this process, registered or not. Empty: there is no such thread.
inline std::optional<thread_stack> capture_stack(pid_t tid, const stack_limits& limits = {}) {
  const auto facts = facts_of_thread(tid);
  if (!facts) return std::nullopt;
  const raw_stack raw = ask_for_stacks(std::span(&*facts, 1), limits.answer).front();
  if (raw.answer == stack_answer::gone) return std::nullopt;
  thread_stack made{
      .tid = tid, .name = facts->name, .state = facts->state, .waits = facts->waits, .answer = raw.answer};
  for (const function_names& names : symbol_names(raw.addresses, limits.names))
    for (const std::string& name : names)
      if (made.frames.size() < most_stack_frames) made.frames.push_back(name);
  return made;
}

/// Runs `body` on a thread of its own, which is let out by `release` and joined in the end.
class standing_thread {
 public:
  template <class F, class G> standing_thread(F body, G release) : release_(std::move(release)) {
    std::promise<pid_t> started;
    auto id = started.get_future();
    thread_ = std::thread([body = std::move(body), &started]() mutable {
      started.set_value(gettid());
      body();
    });
    tid_ = id.get();
  }
  ~standing_thread() {
    release_();
    thread_.join();
  }
  standing_thread& operator=(standing_thread&&) = delete;

  pid_t tid() const noexcept { return tid_; }
  bool comes_to_wait(const char* in, char state = 'S') const {
    return comes_true([&] {
      const auto facts = facts_of_thread(tid_);
      return facts && facts->state == state && facts->waits.starts_with(in);
    });
  }

 private:
  std::function<void()> release_;
  std::thread thread_;
  pid_t tid_ = 0;
};

}  // namespace lastcall
