// A pool holds what every adapter must hold: lastcall/testing/check_adapter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "lastcall/testing/check_adapter.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::pool_adapter_test {

using namespace std::chrono_literals;

/// A session with nobody. Its work can be cancelled.
struct session {
  void work_until(const context& with) {
    const stop_callback told(with.forced_token(), [this] { cancel(); });
    std::unique_lock held(mutex);
    changed.wait_for(held, 1min, [&] { return cancelled; });
    throw std::runtime_error("cancelled");
  }
  void cancel() {
    const std::lock_guard held(mutex);
    cancelled = true;
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool cancelled = false;
};
using pool_of_sessions = pool<std::unique_ptr<session>>;

TEST(pool_adapter, conforms) {
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<pool_of_sessions>{
      .make =
          [](const auto&, const logger& log) {
            return std::make_unique<pool_of_sessions>(
                pool_of_sessions::options{.open = [](const context&) { return std::make_unique<session>(); },
                                          .check = [](auto& of) { return !of->cancelled; },
                                          .cancel = [](auto& of) { of->cancel(); },
                                          .most = 2},
                log);
          },
      .work =
          [](pool_of_sessions& of, const context& with) {
            const auto mine = *of.acquire(with);
            std::this_thread::sleep_for(1ms);
          },
      .long_work =
          [](pool_of_sessions& of, const context& with) {
            const auto mine = *of.acquire(with);
            mine.label("a long talk");
            (*mine)->work_until(with);
          },
      .hold =
          [](pool_of_sessions& of, const function<void()>& wait) {
            const auto mine = *of.acquire();
            wait();
          }});
  EXPECT_THAT(faults, ::testing::IsEmpty());
}

}  // namespace lastcall::pool_adapter_test
