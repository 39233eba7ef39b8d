#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <stdexcept>

#include "lastcall/core/app/app_double_test.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::app_embedded_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using testing_core::contains_in_order;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;
using testing_core::refusal;

TEST(app_embedded, throws_what_failed_after_unwinding_it) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes, {.start = [](context) { throw std::runtime_error("address in use"); }}), {pg});
  EXPECT_EQ(refusal([&] { a.start(); }), "component \"http\" failed to start: address in use");
  EXPECT_THAT(notes.lines(), ElementsAre("start pg", "start http", "drain pg", "stop pg"));
  EXPECT_EQ(a.shutdown(deadline(1s)).outcome, outcome::failed);
}

TEST(app_embedded, ends_its_start_when_asked_meanwhile) {
  journal notes;
  app a{quiet()};
  const auto slow = a.add("slow", double_of("slow", notes, {.start = [&](context c) {
                                              a.request_shutdown("changed my mind");
                                              EXPECT_FALSE(c.wait_for(60s));
                                            }}));
  a.add("next", double_of("next", notes), {slow});
  EXPECT_EQ(refusal([&] { a.start(); }), "app: the start was ended: changed my mind");
  EXPECT_THAT(notes.lines(), ElementsAre("start slow", "drain slow", "stop slow"));
}

TEST(app_embedded, takes_a_signal_that_the_program_received_itself_and_a_force_after_it) {
  journal notes;
  lastcall::drained done;
  app a{quiet({.grace = 60s, .reserve = 30s})};
  a.add("http", double_of("http", notes,
                          {.drain =
                               [&](context, lastcall::drained d) {
                                 done = std::move(d);
                                 a.request_force();
                               },
                           .force = [&] { done(); }}));
  a.start();
  a.request_shutdown(signal_record{.number = SIGHUP, .pid = getpid()});
  const report& r = a.shutdown(deadline(60s));
  EXPECT_EQ(r.cause.kind, cause_kind::signal);
  EXPECT_EQ(r.cause.signal, "SIGHUP");
  EXPECT_EQ(r.outcome, outcome::forced);
  EXPECT_THAT(notes.lines(), ElementsAre("start http", "announce http", "drain http", "force http", "stop http"));
}

TEST(app_embedded, with_less_time_than_the_grace_period_has_less_reserve) {
  duration told{};
  app a{quiet({.grace = 80s, .reserve = 32s})};
  a.add("db", functions{.announce = [&] { told = a.reserve(); }});
  EXPECT_EQ(a.reserve(), 32s);
  a.start();
  a.shutdown(deadline(10s));
  EXPECT_GT(told, 0s);
  EXPECT_LE(told, 4s);
}

TEST_BY_MEDIAN(app_embedded, with_a_deadline_in_the_past_ends_at_once_and_still_stops_all) {
  static auto& kept = *new std::deque<journal>;  // a run that fails may leave a thread behind that notes
  journal& notes = kept.emplace_back();
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes), {pg});
  a.start();
  EXPECT_EQ(a.shutdown(deadline(0s)).exit_code, 3);
  EXPECT_THAT(notes.lines(), testing::IsSupersetOf({"stop http", "stop pg"}));
}

TEST(app_embedded, destroyed_while_it_serves_forces_and_stops_everything) {
  journal notes;
  {
    app a{quiet()};
    const auto pg = a.add("pg", double_of("pg", notes));
    a.add("http", double_of("http", notes), {pg});
    a.start();
  }
  EXPECT_THAT(notes.lines(), SizeIs(10));
  for (const std::string told : {"announce", "force"}) {
    EXPECT_THAT(notes.lines(), contains_in_order("start pg", "start http", told + " http", "stop http", "~http"));
    EXPECT_THAT(notes.lines(), contains_in_order("start http", told + " pg", "stop pg", "~pg"));
  }
  EXPECT_THAT(notes.lines(), contains_in_order("stop http", "stop pg", "~http", "~pg"));
}

}  // namespace lastcall::app_embedded_test
