// For tests: waits for threads and drains, each with a generous end. After it they throw std::runtime_error.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/threads/countdown.hpp"

namespace lastcall::inline v0::testing_work {

inline constexpr duration generous = std::chrono::seconds(20);

/// For what only a question shows.
template <class F> void until(const char* what, F is_so) {
  for (const deadline by(generous); !is_so(); std::this_thread::yield())
    if (by.passed(steady().now())) throw std::runtime_error(std::string("no sign of ") + what);
}

inline void take(std::counting_semaphore<>& from, int times = 1) {
  for (; times > 0; --times)
    if (!from.try_acquire_for(generous)) throw std::runtime_error("no sign of what the semaphore counts");
}

template <class T> T value_of(std::future<T> it) {
  if (it.wait_for(generous) != std::future_status::ready) throw std::runtime_error("the future has no value");
  return it.get();
}

/// A drain under way. Its drain end is far away.
class drain_of {
 public:
  explicit drain_of(component& it, context_source ends = {}) {
    ends.begin_drain(steady().now() + std::chrono::hours(1));
    it.drain(ends.get(), [over = over_] { over->count_down(); });
  }

  bool is_over() const { return over_->wait_until(steady().now()); }
  void wait() const {
    if (!over_->wait_until(steady().now() + generous)) throw std::runtime_error("it has not drained");
  }

 private:
  const std::shared_ptr<countdown> over_ = std::make_shared<countdown>(1);
};

}  // namespace lastcall::inline v0::testing_work
