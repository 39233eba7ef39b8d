#include "lastcall/core/lifecycle/shutdown_requests.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::shutdown_requests_test {

using namespace std::chrono_literals;

TEST(shutdown_requests, keeps_the_first_who_asks_whole) {
  for (int round = 0; round < 200; ++round) {
    shutdown_requests in;
    std::atomic<int> firsts{0};
    std::vector<std::thread> askers;
    for (int i = 0; i < 4; ++i) {
      askers.emplace_back([&, i] {
        const std::string cause(40, static_cast<char>('a' + i));
        if (in.request({.text = cause})) ++firsts;
      });
    }
    while (in.first() == nullptr) in.driver_wakeup().wait(steady(), steady().now() + 10s);
    const std::string cause = in.first()->text;
    EXPECT_EQ(cause, std::string(40, cause[0]));
    for (std::thread& t : askers) t.join();
    EXPECT_EQ(firsts, 1);
    EXPECT_EQ(in.first()->text, cause);
  }
}

// A timer's signal stands for the driver: it comes in between, wherever the asking thread happens to be. Threads that
// other tests left behind may get it, too, and are no driver.
shutdown_requests* volatile interrupted = nullptr;
pthread_t asking_thread;
volatile int interruptions = 0, causeless = 0;

extern "C" void ask_in_between(int) {
  shutdown_requests* const in = interrupted;
  if (in == nullptr || !pthread_equal(pthread_self(), asking_thread)) return;
  interruptions = interruptions + 1;
  in->request_as_driver({});
  if (in->first() == nullptr) causeless = causeless + 1;
}

TEST(shutdown_requests, has_a_cause_once_the_driver_has_asked_wherever_another_thread_was_preempted) {
  asking_thread = pthread_self();
  struct sigaction handler{}, before{};
  handler.sa_handler = ask_in_between;
  ASSERT_EQ(sigaction(SIGALRM, &handler, &before), 0);
  const itimerval often{.it_interval = {0, 50}, .it_value = {0, 50}}, never{};
  setitimer(ITIMER_REAL, &often, nullptr);
  for (const time_point end = steady().now() + 10s; interruptions < 500 && steady().now() < end;) {
    shutdown_requests in;
    interrupted = &in;
    in.request({.text = "other"});
    interrupted = nullptr;
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_GT(interruptions, 0);
  EXPECT_EQ(causeless, 0);
}

TEST(shutdown_requests, keeps_who_asked_before_the_driver) {
  shutdown_requests in;
  EXPECT_TRUE(in.request({.text = "other"}));
  EXPECT_EQ(in.request_as_driver({.text = "driver"}).text, "other");
}

TEST(shutdown_requests, keeps_the_driver_who_asked_first) {
  shutdown_requests in;
  EXPECT_EQ(in.request_as_driver({.text = "driver"}).text, "driver");
  EXPECT_FALSE(in.request({.text = "other"}));
  EXPECT_EQ(in.first()->text, "driver");
}

TEST(shutdown_requests, rings_whoever_is_asked_or_forced) {
  shutdown_requests in;
  in.request({});
  in.driver_wakeup().wait(steady(), std::nullopt);
  in.force();
  in.driver_wakeup().wait(steady(), std::nullopt);
}

}  // namespace lastcall::shutdown_requests_test
