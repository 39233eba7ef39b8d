// A consumer of a stream against a real server: what it acknowledges, claims, moves away, names and gives back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing.hpp"
#include "tests/services/redis_consumers.hpp"

namespace service_tests {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(redis_consumer, processes_each_entry_once_and_acknowledges_it) {
  const std::string before = add(0);
  seen_entries seen;
  std::vector<std::pair<std::string, std::string>> fields;
  running_consumer it(with([&](const kv::entry& of, const context&) {
    if (of.id == before) fields = of.fields;
    seen.add(of.id);
  }));
  for (int i = 1; i < 500; ++i) add(i);
  ASSERT_TRUE(seen.wait_for(500));
  const auto said = it.end();
  for (const auto& [id, times] : seen.all()) EXPECT_EQ(times, 1) << id;
  EXPECT_THAT(fields, ElementsAre(testing::Pair("number", "0"), testing::Pair("item", "tea")));
  EXPECT_EQ(pending(), 0u);
  EXPECT_EQ(field(said, "acknowledged"), 500);
  EXPECT_EQ(field(said, "unacknowledged"), 0);
  EXPECT_EQ(said.lost, false);
  EXPECT_TRUE(ask("XINFO", "CONSUMERS", "orders", "shipping").empty()) << "it has left the group";
}

TEST_F(redis_consumer, finishes_and_acknowledges_what_it_has_read_when_it_drains) {
  for (int i = 0; i < 20; ++i) add(i);
  seen_entries begun, done;
  std::promise<void> go_on;
  const auto goes_on = go_on.get_future().share();
  auto how = with([&](const kv::entry& of, const context&) {
    begun.add(of.id);
    goes_on.wait();
    done.add(of.id);
  });
  how.workers = 2;
  running_consumer it(std::move(how));
  ASSERT_TRUE(begun.wait_for(2));
  EXPECT_EQ(pending(), 2u) << "it has read more than its workers begin with";
  it.drain();
  EXPECT_FALSE(it.ended_within(50ms));
  go_on.set_value();
  const auto said = it.end();
  EXPECT_EQ(done.all().size(), 2u) << "what it had read, and no more";
  EXPECT_EQ(field(said, "acknowledged"), 2);
  EXPECT_EQ(pending(), 0u);
}

TEST_BY_MEDIAN(redis_consumer_alone, drains_at_once_when_there_is_nothing_to_read) {
  const redis_server server;
  running_consumer it(
      {.url = server.url(), .stream = "orders", .group = "shipping", .process = [](const kv::entry&, const context&) {
       }});
  auto on = std::move(*kv::connection::open({}, {.url = server.url()}));
  for (const lastcall::deadline by(60s);;) {
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
    if (on.command({}, "INFO", "clients")->text().find("blocked_clients:1") != std::string_view::npos) break;
  }
  const auto began = std::chrono::steady_clock::now();
  it.end();
  EXPECT_LT(std::chrono::steady_clock::now() - began, process_tests::sanitized ? 20s : 400ms)
      << "it waited for its read to end";
}

TEST_F(redis_consumer, names_and_gives_back_what_it_has_not_done_when_it_is_forced) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(add(i));
  seen_entries begun;
  auto how = with([&](const kv::entry& of, const context& ends) {
    begun.add(of.id);
    if (of.id == ids[0]) return;
    if (!ends.wait_until_forced_for(600s)) throw std::runtime_error("cut");
  });
  how.workers = 2;
  running_consumer it(std::move(how));
  ASSERT_TRUE(begun.wait_for(3));
  ASSERT_TRUE(comes_true([] { return pending() == 2; }));
  it.drain();
  EXPECT_FALSE(it.ended_within(50ms));
  EXPECT_THAT(it.in_progress(), testing::IsSupersetOf({testing::Field(&lastcall::work_item::label, ids[1]),
                                                       testing::Field(&lastcall::work_item::label, ids[2])}));
  it.force();
  ASSERT_TRUE(it.ended_within(60s));
  const auto said = it.stop();
  EXPECT_EQ(field(said, "acknowledged"), 1);
  EXPECT_EQ(field(said, "unacknowledged"), 2);
  EXPECT_EQ(text(said, "unacknowledged_ids"), ids[1] + ", " + ids[2]);
  EXPECT_EQ(said.lost, true);
  EXPECT_EQ(pending(), 2u);
  // Another one need not wait for `claim_after`, which is 30 s.
  seen_entries claimed;
  auto next = with([&](const kv::entry& of, const context&) {
    EXPECT_EQ(of.tries, 2u);
    claimed.add(of.id);
  });
  next.consumer = "next";
  running_consumer other(std::move(next));
  ASSERT_TRUE(claimed.wait_for(2));
  EXPECT_EQ(field(other.end(), "claimed"), 2);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(redis_consumer, claims_what_a_dead_consumer_has_left) {
  const std::string first = add(1);
  ask("XGROUP", "CREATE", "orders", "shipping", "0");
  ask("XREADGROUP", "GROUP", "shipping", "dead", "STREAMS", "orders", ">");
  seen_entries seen;
  auto how = with([&](const kv::entry& of, const context&) {
    EXPECT_EQ(of.tries, 2u);
    EXPECT_EQ(of.field("number"), "1");
    seen.add(of.id);
  });
  how.claim_after = 50ms;
  running_consumer it(std::move(how));
  ASSERT_TRUE(seen.wait_for(1));
  const auto said = it.end();
  EXPECT_EQ(field(said, "claimed"), 1);
  EXPECT_EQ(pending(), 0u);
  EXPECT_EQ(seen.all().begin()->first, first);
}

TEST_F(redis_consumer, keeps_what_it_works_on_from_being_claimed) {
  add(1);
  seen_entries begun;
  std::promise<void> go_on;
  const auto goes_on = go_on.get_future().share();
  const auto slow = [&](const kv::entry& of, const context&) {
    begun.add(of.id);
    goes_on.wait();
  };
  auto ours = with(slow);
  auto others = with(slow);
  ours.claim_after = others.claim_after = 2s;
  others.consumer = "others";
  running_consumer it(std::move(ours));
  ASSERT_TRUE(begun.wait_for(1));
  running_consumer other(std::move(others));
  // The other one looks for what is idle each second; a claim would be a second try.
  std::this_thread::sleep_for(5s);  // nothing happens: there is no event to wait for
  const auto all = begun.all();
  go_on.set_value();
  if (!process_tests::sanitized) {
    EXPECT_EQ(all.begin()->second, 1);
  }
  EXPECT_EQ(field(it.end(), "acknowledged"), 1);
}

TEST_F(redis_consumer, moves_an_entry_to_the_dead_letters_after_its_last_try) {
  const std::string bad = add(1);
  const std::string good = add(2);
  seen_entries seen;
  auto how = with([&](const kv::entry& of, const context&) {
    seen.add(of.id);
    if (of.id == bad) throw std::runtime_error("no such article");
  });
  how.claim_after = 20ms;
  how.most_tries = 3;
  running_consumer it(std::move(how));
  ASSERT_TRUE(comes_true([] { return ask("XLEN", "orders.dead").get<int>() == 1; }));
  const auto said = it.end();
  EXPECT_EQ(seen.all()[bad], 3);
  EXPECT_EQ(seen.all()[good], 1);
  EXPECT_EQ(field(said, "dead"), 1);
  EXPECT_EQ(field(said, "failed"), 3);
  EXPECT_EQ(pending(), 0u);
  const auto letters = ask("XRANGE", "orders.dead", "-", "+");
  std::vector<std::string> words;
  for (const auto each : letters[0][1]) words.emplace_back(each.text());
  EXPECT_THAT(words, ElementsAre("number", "1", "item", "tea", "dead.stream", "orders", "dead.id", bad, "dead.tries",
                                 "3", "dead.error", "no such article"));
}

TEST_F(redis_consumer, keeps_an_entry_that_the_dead_letters_refuse) {
  add(1);
  ask("SET", "orders.dead", "no stream");
  auto how = with([&](const kv::entry&, const context&) { throw std::runtime_error("no such article"); });
  how.claim_after = 20ms;
  how.most_tries = 1;
  running_consumer it(std::move(how));
  ASSERT_TRUE(comes_true([] { return ask("INFO", "errorstats").text().find("WRONGTYPE") != std::string_view::npos; }));
  EXPECT_EQ(pending(), 1u) << "it is acknowledged, and nowhere";
  ask("DEL", "orders.dead");
  ASSERT_TRUE(comes_true([] { return ask("XLEN", "orders.dead").get<int>() == 1; }));
  EXPECT_EQ(field(it.end(), "dead"), 1);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(redis_consumer, moves_untried_what_was_given_out_too_often) {
  const std::string poison = add(1);
  ask("XGROUP", "CREATE", "orders", "shipping", "0");
  ask("XREADGROUP", "GROUP", "shipping", "dead", "STREAMS", "orders", ">");
  for (int i = 0; i < 4; ++i) ask("XCLAIM", "orders", "shipping", "dead", 0, poison);
  seen_entries seen;
  auto how = with([&](const kv::entry& of, const context&) { seen.add(of.id); });
  how.claim_after = 20ms;
  how.most_tries = 5;
  running_consumer it(std::move(how));
  ASSERT_TRUE(comes_true([] { return ask("XLEN", "orders.dead").get<int>() == 1; }));
  EXPECT_EQ(field(it.end(), "dead"), 1);
  EXPECT_THAT(seen.all(), IsEmpty());
  EXPECT_EQ(pending(), 0u);
}

TEST_F(redis_consumer, goes_on_after_an_outage_and_finds_what_was_on_its_way) {
  redis_server mortal;
  seen_entries seen;
  auto how = with([&](const kv::entry& of, const context&) { seen.add(of.id); });
  how.url = mortal.url();
  running_consumer it(std::move(how));
  auto on = std::move(*kv::connection::open({}, {.url = mortal.url()}));
  static_cast<void>(*on.command({}, "XADD", "orders", "*", "number", 1));
  ASSERT_TRUE(seen.wait_for(1));
  mortal.stop(SIGKILL);
  mortal.start();
  auto again = std::move(*kv::connection::open({}, {.url = mortal.url()}));
  // As if it had been given to us over a connection that broke.
  static_cast<void>(*again.command({}, "XADD", "orders", "*", "number", 2));
  static_cast<void>(again.command({}, "XREADGROUP", "GROUP", "shipping", "ours", "STREAMS", "orders", ">"));
  static_cast<void>(*again.command({}, "XADD", "orders", "*", "number", 3));
  ASSERT_TRUE(seen.wait_for(3)) << "claim_after is 30 s";
  EXPECT_EQ(field(it.end(), "unacknowledged"), 0);
}

TEST_F(redis_consumer, starts_and_stops_without_a_server) {
  auto how = with([](const kv::entry&, const context&) {});
  how.url = "unix:/nowhere/socket";
  running_consumer it(std::move(how));
  const auto said = it.end();
  EXPECT_EQ(said.lost, false);
}

TEST_F(redis_consumer, drains_while_it_connects) {
  lastcall::testing::fault_relay mute(lastcall::testing::parse_server_address(server_->url()),
                                      {.faults = lastcall::testing::relay_faults::both({.stalled = true})});
  auto how = with([](const kv::entry&, const context&) {});
  how.url = "redis://:geheim@127.0.0.1:" + std::to_string(mute.port());
  how.connect_within = 600s;
  running_consumer it(std::move(how));
  ASSERT_TRUE(mute.wait_for([](const auto& all) { return !all.empty(); }, lastcall::deadline(60s)));
  it.drain();
  EXPECT_TRUE(it.ended_within(60s));
}

// The memory is full: nothing can be added, so no dead letter either. All else goes on.
TEST_F(redis_consumer, acknowledges_also_when_the_memory_is_full) {
  const std::string bad = add(1);
  add(2);
  seen_entries seen;
  std::promise<void> go_on;
  const auto goes_on = go_on.get_future().share();
  auto how = with([&](const kv::entry& of, const context&) {
    seen.add(of.id);
    goes_on.wait();
    if (of.id == bad) throw std::runtime_error("bad");
  });
  how.most_tries = 1;
  running_consumer it(std::move(how));
  ASSERT_TRUE(seen.wait_for(2));
  ask("CONFIG", "SET", "maxmemory", "1");
  go_on.set_value();
  EXPECT_TRUE(comes_true([] { return pending() == 1; }));
  EXPECT_TRUE(comes_true([] { return ask("INFO", "errorstats").text().find("OOM") != std::string_view::npos; }));
  it.drain();
  EXPECT_FALSE(it.ended_within(50ms)) << "the dead letter is not written";
  it.force();
  EXPECT_TRUE(it.ended_within(60s));
  const auto said = it.stop();
  ask("CONFIG", "SET", "maxmemory", "0");
  EXPECT_EQ(field(said, "acknowledged"), 1);
  EXPECT_EQ(text(said, "unacknowledged_ids"), bad);
}

}  // namespace service_tests
