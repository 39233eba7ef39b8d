// A call beside a host that does what the test says: who waits in it, who is woken, and what is left when it ends.
#include "lastcall/http/requests/call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/net/loop/thread_pool.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::http::detail::call_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::StrEq;
using ::testing::UnorderedElementsAre;

constexpr auto generous = 20s;

struct scripted_host final : call_host {
  std::deque<input_result> inputs{};
  int asked = 0;
  std::size_t room = 0;  // for output, at present
  std::string output{};
  std::vector<int> answers{};
  std::vector<bool> ends{};
  void take_answer(response&& r) noexcept override { answers.push_back(r.status()); }
  void take_timeout() noexcept override { answers.push_back(504); }
  input_result next_input() noexcept override {
    ++asked;
    if (inputs.empty()) return {};
    const input_result next = inputs.front();
    inputs.pop_front();
    return next;
  }
  std::size_t take_output(std::string_view bytes) override {
    const std::size_t taken = std::min(room, bytes.size());
    output += bytes.substr(0, taken);
    room -= taken;
    return taken;
  }
  void end_output(bool whole, std::string_view) noexcept override { ends.push_back(whole); }
};

/// One call of one loop, which runs when the test says so.
class desk {
 public:
  explicit desk(bool long_lived = false) {
    loop.open();
    service_->name = "http";
    service_->pool = &pool;
    begin(long_lived);
  }
  ~desk() {
    detach();
    run_loop();
    one->release();
    pool.stop(steady().now() + generous);
    loop.close();
  }
  desk& operator=(desk&&) = delete;

  /// What is ready to run, and what that makes ready.
  void run_loop() {
    io_.restart();
    while (io_.poll() > 0) {}
  }
  template <class F> bool comes_true(F fact) {
    for (const auto end = steady().now() + generous; !fact() && steady().now() < end;) {
      run_loop();
      std::this_thread::sleep_for(1ms);
    }
    return fact();
  }
  /// Runs `work` as a coroutine until it waits; what becomes of it is a line of `said`.
  template <class F> void go(F work) {
    boost::asio::co_spawn(io_, told(std::move(work)), boost::asio::detached);
    run_loop();
  }
  void begin(bool long_lived = false) {
    const context server = life.get();
    one->begin(host, bytes_, nullptr, {}, &server, long_lived);
    detached_ = false;
  }
  /// As the connection does when it has its answer; with a cause, when it ends and leaves the request to its handler.
  void detach(cause why = cause::none) {
    if (std::exchange(detached_, true)) return;
    one->acquire();
    one->detach(why == cause::none ? nullptr : new exchange(0), why);
  }

 private:
  template <class F> task<> told(F work) {
    try {
      said.push_back(co_await work());
    } catch (const body_error& error) {
      said.push_back("error " + std::to_string(error.status()) + ": " + error.what());
    } catch (const std::logic_error& error) {
      said.push_back(std::string("refused: ") + error.what());
    } catch (const std::exception& error) {
      said.push_back(std::string("threw: ") + error.what());
    }
  }

  boost::asio::io_context io_;
  const std::shared_ptr<service> service_ = std::make_shared<service>();
  exchange bytes_{4096};
  bool detached_ = false;

 public:
  std::vector<std::string> said;
  net::loop loop{io_};
  net::thread_pool pool{{.threads = 1, .queue = 1}};
  context_source life;
  scripted_host host;
  call* const one = new call(std::make_shared<call_environment>(call_environment{loop, service_}));
};

const input_result piece{.what = input_result::kind::piece, .bytes = "piece"};
const input_result end_of_body{.what = input_result::kind::end};
const input_result failed{.what = input_result::kind::failed, .status = 413, .why = "too large"};
const auto gone = StrEq("error 0: the client has gone");
const auto refused = StartsWith("refused: a coroutine waits here already");

auto reads(desk& d) {
  return [&d]() -> task<std::string> {
    const auto got = co_await d.one->read();
    co_return got ? std::string(*got) : "the end";
  };
}
auto writes(desk& d, std::string_view bytes) {
  return [&d, bytes]() -> task<std::string> {
    const bool taken = co_await d.one->write(bytes);
    co_return (taken ? "wrote " : "could not write ") + std::string(bytes);
  };
}
auto waits(desk& d, duration time) {
  return [&d, time]() -> task<std::string> { co_return co_await d.one->wait_for(time) ? "waited" : "woken"; };
}
auto works(desk& d, function<void()> job) {
  return [&d, own = std::make_shared<function<void()>>(std::move(job))]() -> task<std::string> {
    // A variable of its own: g++ 12 destroys a capturing lambda twice that is made within a co_await.
    function<void()> step = [own] { (*own)(); };
    co_await d.one->on_pool(std::move(step));
    co_return "worked";
  };
}

TEST(call, gives_what_of_the_body_is_there_and_waits_for_the_rest) {
  desk d;
  d.host.inputs = {piece};
  d.go(reads(d));
  EXPECT_THAT(d.said, ElementsAre("piece"));
  d.go(reads(d));
  EXPECT_EQ(d.said.size(), 1U) << "nothing is there";
  d.host.inputs = {end_of_body, failed};
  d.one->wake_input();
  d.run_loop();
  d.go(reads(d));
  EXPECT_THAT(d.said, ElementsAre("piece", "the end", "error 413: too large"));
}

TEST(call, woken_for_nothing_goes_on_waiting) {
  desk d;
  d.go(reads(d));
  d.one->wake_input();
  d.run_loop();
  EXPECT_THAT(d.said, IsEmpty());
  d.host.inputs = {piece};
  d.one->wake_input();
  d.run_loop();
  EXPECT_THAT(d.said, ElementsAre("piece"));
}

TEST(call, refuses_a_second_reader_which_takes_nothing_from_the_first) {
  desk d;
  d.go(reads(d));
  d.host.inputs = {piece};
  d.go(reads(d));
  EXPECT_THAT(d.said, ElementsAre(refused));
  d.one->wake_input();
  d.run_loop();
  EXPECT_THAT(d.said, ElementsAre(refused, "piece"));
}

TEST(call, writes_as_much_as_the_host_takes_and_the_rest_when_there_is_room) {
  desk d;
  d.host.room = 3;
  d.go(writes(d, "abcdefgh"));
  EXPECT_EQ(d.host.output, "abc");
  EXPECT_THAT(d.said, IsEmpty());
  d.host.room = 100;
  d.one->wake_output();
  d.run_loop();
  EXPECT_EQ(d.host.output, "abcdefgh");
  EXPECT_THAT(d.said, ElementsAre("wrote abcdefgh"));
}

TEST(call, lets_nothing_between_the_bytes_of_one_write) {
  desk d;
  d.host.room = 3;
  d.go(writes(d, "abcdefgh"));
  d.host.room = 100;  // a second one would find it
  d.go(writes(d, "XYZ"));
  EXPECT_EQ(d.one->write_now("beat"), written::wait);
  d.one->wake_output();
  d.run_loop();
  EXPECT_THAT(d.said, ElementsAre(refused, "wrote abcdefgh"));
  EXPECT_EQ(d.one->write_now("beat"), written::yes);
  d.go(writes(d, "XYZ"));
  EXPECT_EQ(d.host.output, "abcdefghbeatXYZ");
}

TEST(call, cuts_the_body_when_a_part_of_what_is_to_go_now_fits_and_the_rest_does_not) {
  desk d;
  EXPECT_EQ(d.one->write_now("beat"), written::wait);
  EXPECT_THAT(d.host.ends, IsEmpty()) << "nothing was taken, so nothing is broken";
  d.host.room = 3;
  EXPECT_EQ(d.one->write_now("beat"), written::wait);
  EXPECT_THAT(d.host.ends, ElementsAre(false));
}

TEST(call, waits_for_a_time_to_pass) {
  desk d(true);
  const time_point began = steady().now();
  d.go(waits(d, 20ms));
  EXPECT_TRUE(d.comes_true([&] { return !d.said.empty(); }));
  EXPECT_THAT(d.said, ElementsAre("waited"));
  EXPECT_GE(steady().now() - began, 20ms);
}

TEST(call, that_is_long_lived_waits_no_longer_once_it_is_told_of_the_end) {
  desk d(true);
  d.go(waits(d, 1h));
  d.life.begin_drain(steady().now() + generous);
  d.run_loop();
  EXPECT_THAT(d.said, IsEmpty()) << "its turn has not come";
  d.one->begin_drain(steady().now() + generous);
  d.run_loop();
  d.go(waits(d, 1h));
  EXPECT_THAT(d.said, ElementsAre("woken", "woken"));
}

TEST(call, that_is_long_lived_waits_no_longer_once_the_server_is_forced_from_any_thread) {
  desk d(true);
  d.go(waits(d, 1h));
  EXPECT_THAT(d.said, IsEmpty());
  std::thread([&] { d.life.force(); }).join();
  d.run_loop();
  EXPECT_THAT(d.said, ElementsAre("woken"));
}

TEST(call, told_not_to_wait_wakes_the_one_that_waits_and_lets_none_wait_later) {
  desk d(true);
  d.go(waits(d, 1h));
  EXPECT_THAT(d.said, IsEmpty());
  d.one->stop_waiting();
  d.run_loop();
  d.go(waits(d, 1h));
  EXPECT_THAT(d.said, ElementsAre("woken", "woken"));
}

TEST(call, refuses_a_second_one_that_waits_and_the_first_keeps_its_time) {
  desk d(true);
  d.go(waits(d, 1s));
  d.go(waits(d, 1h));
  EXPECT_THAT(d.said, ElementsAre(refused));
  EXPECT_TRUE(d.comes_true([&] { return d.said.size() == 2; }));
  EXPECT_EQ(d.said.back(), "waited");
}

TEST(call, has_work_done_on_the_pool_and_passes_on_what_it_throws) {
  desk d;
  const auto here = std::this_thread::get_id();
  std::thread::id there = here;
  d.go(works(d, [&] { there = std::this_thread::get_id(); }));
  EXPECT_TRUE(d.comes_true([&] { return d.said.size() == 1; }));
  EXPECT_NE(there, here);
  d.go(works(d, [] { throw std::runtime_error("no disk"); }));
  EXPECT_TRUE(d.comes_true([&] { return d.said.size() == 2; }));
  EXPECT_THAT(d.said, ElementsAre("worked", "threw: no disk"));
}

TEST(call, refuses_a_second_piece_of_work_meanwhile) {
  countdown release(1);
  desk d;
  d.go(works(d, [&] { release.wait_until(steady().now() + generous); }));
  d.go(works(d, [] {}));
  EXPECT_THAT(d.said, ElementsAre(refused));
  release.count_down();
  EXPECT_TRUE(d.comes_true([&] { return d.said.size() == 2; }));
  EXPECT_EQ(d.said.back(), "worked");
}

TEST(call, says_when_the_pool_has_no_place) {
  countdown release(1);
  desk d;
  while (d.pool.submit([&] { release.wait_until(steady().now() + generous); })) {}
  d.go(works(d, [] {}));
  EXPECT_THAT(d.said, ElementsAre("error 503: too many requests that take long"));
  release.count_down();
}

TEST(call, tells_all_who_wait_in_it_that_the_client_has_gone) {
  countdown release(1);
  desk d(true);
  d.go(reads(d));
  d.go(writes(d, "x"));
  d.go(waits(d, 1h));
  d.go(works(d, [&] { release.wait_until(steady().now() + generous); }));
  EXPECT_THAT(d.said, IsEmpty());
  d.detach(cause::client_gone);
  EXPECT_EQ(d.one->life().cause(), cause::client_gone);
  d.run_loop();
  EXPECT_THAT(d.said, UnorderedElementsAre(gone, StrEq("could not write x"), StrEq("woken"), gone));
  release.count_down();
}

TEST(call, tells_those_who_come_later_too) {
  desk d(true);
  d.detach();
  d.go(reads(d));
  d.go(writes(d, "x"));
  d.go(waits(d, 1h));
  d.go(works(d, [] {}));
  EXPECT_THAT(d.said, ElementsAre(gone, StrEq("could not write x"), StrEq("woken"), gone));
  EXPECT_THROW(d.one->read_blocking(), body_error);
  EXPECT_FALSE(d.one->write_blocking("x"));
  EXPECT_EQ(d.one->write_now("x"), written::never);
}

TEST(call, lets_others_run_while_a_handler_goes_on_writing_to_nobody) {
  desk d;
  d.detach();
  bool others_ran = false;
  int writes = 0;
  d.go([&]() -> task<std::string> {
    d.loop.post([&] { others_ran = true; });
    for (; writes < 1'000'000 && !others_ran; ++writes) co_await d.one->write("x");
    co_return "over";
  });
  EXPECT_THAT(d.said, ElementsAre("over"));
  EXPECT_LT(writes, 1'000);
}

TEST(call, serves_a_thread_that_reads_and_writes) {
  desk d;
  d.host.room = 3;
  std::string heard;
  bool over = false;
  std::thread thread([&] {
    try {
      while (const auto next = d.one->read_blocking()) heard += *next;
      d.one->write_blocking("abcdefgh");
      d.loop.post([&] { over = true; });
    } catch (const body_error& error) {
      heard += error.what();
    }
  });
  d.host.inputs = {piece, piece};
  EXPECT_TRUE(d.comes_true([&] { return d.host.inputs.empty(); }));
  d.host.inputs = {end_of_body};
  EXPECT_TRUE(d.comes_true([&] {
    d.one->wake_input();
    return d.host.output.size() == 3;
  }));
  d.host.room = 100;
  EXPECT_TRUE(d.comes_true([&] {
    d.one->wake_output();
    return over;
  }));
  d.detach();  // if it still waits, it does not for ever
  d.run_loop();
  thread.join();
  EXPECT_EQ(heard, "piecepiece");
  EXPECT_EQ(d.host.output, "abcdefgh");
}

TEST(call, lets_a_thread_go_that_waits_when_the_client_goes) {
  desk d;
  std::thread thread([&] { EXPECT_THROW(d.one->read_blocking(), body_error); });
  EXPECT_TRUE(d.comes_true([&] { return d.host.asked > 0; }));
  d.detach();
  d.run_loop();
  thread.join();
}

TEST(call, brings_its_host_one_answer_from_any_thread) {
  desk d;
  std::thread([&] { d.one->reply(text("first")); }).join();
  d.one->reply(text("second", 503));
  EXPECT_THAT(d.host.answers, IsEmpty()) << "not on a foreign thread";
  d.run_loop();
  EXPECT_THAT(d.host.answers, ElementsAre(200));
}

TEST(call, answers_500_for_a_responder_that_was_dropped) {
  desk d;
  d.one->unanswered();
  d.run_loop();
  EXPECT_THAT(d.host.answers, ElementsAre(500));
}

TEST(call, forgets_an_answer_that_comes_when_nobody_is_there) {
  desk d;
  EXPECT_FALSE(d.one->gone());
  d.one->reply(text("on its way"));
  d.detach();
  EXPECT_TRUE(d.one->gone());
  d.one->reply(text("late"));
  d.one->unanswered();
  d.run_loop();
  EXPECT_THAT(d.host.answers, IsEmpty());
}

TEST(call, begins_anew_once_nobody_else_holds_it) {
  desk d;
  d.one->reply(text("first"));
  d.run_loop();
  d.one->acquire();  // as a responder that somebody kept
  d.detach();
  EXPECT_FALSE(d.one->end());
  d.one->release();
  EXPECT_TRUE(d.one->end());
  EXPECT_TRUE(d.one->gone());
  d.begin();
  d.one->reply(text("of the next request"));
  d.run_loop();
  EXPECT_THAT(d.host.answers, ElementsAre(200, 200));
}

}  // namespace lastcall::http::detail::call_test
