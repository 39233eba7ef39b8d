#include "lastcall/net/loop/runtime.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::net::runtime_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_net::run_on;

const logger quiet(log_level::none, nullptr);

class heard_log {
 public:
  logger sink() {
    return logger(log_level::info, [this](const log_record& record) {
      std::string line(record.text);
      for (const auto& field : record.fields) line.append(" ").append(field.value);
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::move(line));
    });
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

std::thread::id thread_of(loop& l) {
  std::thread::id id;
  EXPECT_TRUE(run_on(l, [&] { id = std::this_thread::get_id(); }));
  return id;
}

TEST(runtime, registers_its_threads_as_loops) {
  runtime r({.threads = 2, .log = quiet});
  r.start({});
  for (const auto& each : detail::loops_of(r)) EXPECT_TRUE(run_on(*each, [] {}));
  int found = 0;
  for (const thread_entry& each : watched_thread::snapshot(100))
    if (each.component == "runtime" && each.role == "loop") ++found;
  EXPECT_EQ(found, 2);
  r.stop();
  EXPECT_TRUE(watched_thread::snapshot(100).empty());
}

TEST(runtime, gives_each_loop_a_thread_of_its_own) {
  runtime r({.threads = 3, .log = quiet});
  ASSERT_EQ(detail::loops_of(r).size(), 3U);
  r.start({});
  std::set<std::thread::id> threads{std::this_thread::get_id()};
  for (const auto& each : detail::loops_of(r)) threads.insert(thread_of(*each));
  EXPECT_EQ(threads.size(), 4U);
  r.stop();
  r.stop();  // changes nothing
}

TEST(runtime, has_a_loop_for_each_processor_unless_told) {
  EXPECT_GE(detail::loops_of(runtime({.log = quiet})).size(), 1U);
}

TEST(runtime, refuses_absurd_numbers_of_threads) {
  try {
    runtime r({.threads = 1025});
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("1025"));
  }
}

TEST(runtime, can_be_stopped_or_dropped_without_a_start) {
  runtime r({.threads = 2, .log = quiet});
  r.stop();
  boost::asio::io_context io;
  runtime of_user({.io = &io, .log = quiet});
}

TEST(runtime, runs_what_was_queued_before_its_stop) {
  for (int round = 0; round < 20; ++round) {
    runtime r({.threads = 2, .log = quiet});
    context_source life;
    r.start(life.get());
    std::atomic<int> ran{0};
    for (int i = 0; i < 100; ++i) detail::loops_of(r)[static_cast<std::size_t>(i % 2)]->post([&] { ++ran; });
    life.begin_drain(steady().now() + 20s);  // alone it waits for 100 ms, which a busy machine may need
    r.stop();
    ASSERT_EQ(ran, 100);
  }
}

TEST(runtime, serves_those_who_use_it_although_it_has_been_told_to_stop) {
  runtime r({.threads = 2, .log = quiet});
  r.start({});
  std::optional<ticket> use = r.use();
  ASSERT_TRUE(use);
  std::thread stopping([&] { r.stop(); });
  for (const time_point by = steady().now() + 60s; r.use() && steady().now() < by;) std::this_thread::yield();
  for (const auto& each : detail::loops_of(r)) EXPECT_TRUE(run_on(*each, [] {})) << "stopped under its user";
  use.reset();
  stopping.join();
}

TEST(runtime, waits_for_a_bounded_time_for_those_who_use_it) {
  runtime r({.threads = 1, .log = quiet});
  r.start({});
  const std::optional<ticket> use = r.use();
  r.stop();
  EXPECT_FALSE(r.use());
  const time_point again = steady().now();
  r.stop();  // as its destruction does
  EXPECT_LT(steady().now() - again, 100ms) << "waits for nobody a second time";
}

TEST(runtime, lets_a_handler_of_the_programs_own_finish_while_there_is_time) {
  app a({.signals = {}, .log = log_level::none, .environment = false});
  runtime& r = a.shared<runtime>();
  a.start();
  std::latch inside(1);
  std::atomic<bool> finished{false};
  detail::loops_of(r).front()->post([&] {
    inside.count_down();
    std::this_thread::sleep_for(400ms);
    finished = true;
  });
  inside.wait();
  EXPECT_EQ(a.shutdown(deadline(20s)).outcome, outcome::graceful);
  EXPECT_TRUE(finished);
}

TEST(runtime, is_named_when_a_handler_of_the_programs_own_never_returns) {
  const auto returned = std::make_shared<countdown>(1);
  {
    app a({.signals = {}, .log = log_level::none, .environment = false});
    runtime& r = a.shared<runtime>();
    a.start();
    std::latch inside(1);
    detail::loops_of(r).front()->post([&inside, returned] {
      inside.count_down();
      returned->wait_until(time_point::max());
    });
    inside.wait();
    const report& said = a.shutdown(deadline(600ms));
    EXPECT_EQ(said.outcome, outcome::hung);
    EXPECT_THAT(said.hung(), ElementsAre("runtime"));
    EXPECT_EQ(said.components[0].hung_in, "stop");
  }
  returned->count_down();
}

TEST(runtime, goes_on_when_a_completion_handler_throws) {
  heard_log log;
  runtime r({.threads = 1, .log = log.sink()});
  r.start({});
  const auto io = detail::loops_of(r)[0]->executor();
  boost::asio::post(io, [] { throw std::runtime_error("no luck"); });
  boost::asio::post(io, [] { throw 7; });
  bool ran = false;
  EXPECT_TRUE(run_on(*detail::loops_of(r)[0], [&] { ran = true; }));
  EXPECT_TRUE(ran);
  r.stop();
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("no luck"), HasSubstr("no std::exception")));
}

TEST(runtime, gives_the_executor_of_the_calling_loop_and_elsewhere_each_in_turn) {
  runtime r({.threads = 3, .log = quiet});
  r.start({});
  for (const auto& each : detail::loops_of(r)) {
    boost::asio::any_io_executor there;
    EXPECT_TRUE(run_on(*each, [&] { there = r.executor(); }));
    EXPECT_EQ(there, each->executor());
  }
  std::vector<boost::asio::any_io_executor> turns;
  for (int i = 0; i < 6; ++i) turns.push_back(r.executor());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(turns[i], turns[i + 3]);
    EXPECT_NE(turns[i], turns[(i + 1) % 3]);
  }
  r.stop();
}

TEST(runtime, does_not_take_another_runtimes_thread_for_its_own) {
  runtime a({.threads = 1, .log = quiet}), b({.threads = 1, .log = quiet});
  a.start({});
  b.start({});
  boost::asio::any_io_executor there;
  EXPECT_TRUE(run_on(*detail::loops_of(a)[0], [&] { there = b.executor(); }));
  EXPECT_EQ(there, detail::loops_of(b)[0]->executor());
  a.stop();
  b.stop();
}

TEST(runtime, works_inside_the_users_io_context) {
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::thread user([&] { io.run(); });
  const auto users_thread = user.get_id();
  {
    runtime r({.io = &io, .log = quiet});
    ASSERT_EQ(detail::loops_of(r).size(), 1U);
    r.start({});
    EXPECT_EQ(thread_of(*detail::loops_of(r)[0]), users_thread);
    EXPECT_EQ(r.executor(), detail::loops_of(r)[0]->executor());
    r.stop();
  }
  std::atomic<bool> goes_on = false;
  boost::asio::post(io, [&] { goes_on = true; });
  work.reset();
  user.join();  // returns only if nothing of ours waits there any more
  EXPECT_TRUE(goes_on) << "the io_context is the user's: it is not stopped";
}

TEST(runtime, does_not_wait_for_ever_for_an_io_context_that_nobody_runs) {
  heard_log log;
  boost::asio::io_context io;
  const time_point begin = steady().now();
  runtime r({.io = &io, .log = log.sink()});
  r.start({});
  r.stop();
  EXPECT_LT(steady().now() - begin, 5s);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("nobody runs the io_context")));
}

TEST(runtime, runs_one_thing_at_a_time_although_several_threads_run_the_users_io_context) {
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i) users.emplace_back([&] { io.run(); });
  for (int i = 0; i < 50; ++i) {
    struct counting final : timed {
      explicit counting(loop& l) : on(l) {}
      void on_due(time_point now) noexcept override {
        ++times;
        on.schedule(*this, now);
      }
      loop& on;
      int times = 0;  // of the loop's thread only
    };
    runtime r({.io = &io, .log = quiet});
    r.start({});
    loop& l = *detail::loops_of(r)[0];
    counting always_due(l);
    int posted = 0;
    ASSERT_TRUE(run_on(l, [&] { l.schedule(always_due, l.refresh_now()); }));
    for (int n = 0; n < 100; ++n) {
      l.post([&] {
        EXPECT_TRUE(l.is_here());
        ++posted;
        ++always_due.times;
      });
      boost::asio::post(r.executor(), [&] { ++posted; });
    }
    EXPECT_FALSE(l.is_here());
    ASSERT_TRUE(run_on(l, [&] { always_due.cancel(); }));
    EXPECT_EQ(posted, 200);
    r.stop();
  }
  work.reset();
  for (auto& each : users) each.join();
}

/// A coroutine on the loop that waits for a timer of the program's io_context.
task<> waits_there(boost::asio::io_context& there, std::shared_ptr<int> owned, std::shared_ptr<countdown> waits,
                   bool& went_on) {
  boost::asio::steady_timer timer(there, 20ms);
  boost::asio::post(there, [waits] { waits->count_down(); });
  co_await timer.async_wait(boost::asio::use_awaitable);
  went_on = true;
  static_cast<void>(owned);
}

TEST(runtime, leaves_what_a_coroutine_comes_back_to_that_waits_in_another_io_context) {
  for (const bool completes : {false, true}) {
    const auto owned = std::make_shared<int>(7);
    const auto waits = std::make_shared<countdown>(1);
    bool went_on = false;
    {
      boost::asio::io_context users;
      auto work = boost::asio::make_work_guard(users);
      {
        runtime r({.threads = 1, .log = quiet});
        r.start({});
        boost::asio::co_spawn(r.executor(), waits_there(users, owned, waits, went_on), boost::asio::detached);
        while (!waits->wait_until(steady().now() + 1ms)) users.poll_one();  // its timer is not due yet
        r.stop();
      }
      work.reset();
      if (completes) users.run();  // posts to a loop that has gone
    }
    EXPECT_FALSE(went_on);
    EXPECT_EQ(owned.use_count(), 2);  // Asio posts also the destruction: both stay with what was left behind
  }
}

TEST(runtime, destroys_what_waits_in_its_own_loops) {
  const auto owned = std::make_shared<int>(7);
  {
    runtime r({.threads = 1, .log = quiet});
    r.start({});
    const auto begun = std::make_shared<countdown>(1);
    const auto for_long = [](std::shared_ptr<int>, std::shared_ptr<countdown> now) -> task<> {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1h);
      now->count_down();
      co_await timer.async_wait(boost::asio::use_awaitable);
    };
    boost::asio::co_spawn(r.executor(), for_long(owned, begun), boost::asio::detached);
    EXPECT_TRUE(begun->wait_until(steady().now() + 10s));
    r.stop();
  }
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(runtime, comes_and_goes_in_the_users_io_context_while_it_is_busy) {
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::thread user([&] { io.run(); });
  for (int i = 0; i < 200; ++i) {
    struct noisy final : timed {
      void on_due(time_point now) noexcept override { on->schedule(*this, now); }
      loop* on = nullptr;
    } always_due;
    runtime r({.io = &io, .log = quiet});
    r.start({});
    loop& l = *detail::loops_of(r)[0];
    always_due.on = &l;
    ASSERT_TRUE(run_on(l, [&] { l.schedule(always_due, l.refresh_now()); }));
    ASSERT_TRUE(run_on(l, [&] { always_due.cancel(); }));
    r.stop();
  }
  work.reset();
  user.join();
}

}  // namespace lastcall::net::runtime_test
