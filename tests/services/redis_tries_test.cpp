// What counts as a try of an entry: that a worker has begun with it. Not that it was read, given back, or on its way
// when a connection broke, and no failure is tried again before its time. And what a consumer goes on without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "lastcall/testing.hpp"
#include "tests/services/redis_consumers.hpp"

namespace service_tests {

using lastcall::testing::fault_relay;
using testing::HasSubstr;

namespace {

class redis_tries : public redis_consumer {
 protected:
  static kv::consumer_options over(const fault_relay& relay,
                                   lastcall::function<void(const kv::entry&, const context&)> process) {
    auto how = with(std::move(process));
    how.url = "redis://127.0.0.1:" + std::to_string(relay.port());
    return how;
  }
  static int clients_that_wait() {
    const std::string said(ask("INFO", "clients").text());
    return std::stoi(said.substr(said.find("blocked_clients:") + 16));
  }
  /// How often the server has given an entry to a consumer. -1: it is not pending.
  static int times_given(const std::string& id) {
    const auto said = ask("XPENDING", "orders", "shipping", id, id, 1);
    return said.empty() ? -1 : said[0][3].get<int>();
  }
  /// Lets nothing through from the server on the first connection, which is the reader's: what it is given is on its
  /// way.
  void hold_answers_of_the_reader() {
    lastcall::testing::relay_faults none;
    none.to_client = {.stalled = true};
    relay_.set(0, none);
  }

  fault_relay relay_{lastcall::testing::parse_server_address(server_->url())};
};

/// Whether a line of the log had all of this.
class kept_lines {
 public:
  lastcall::logger log() {
    return {lastcall::log_level::info, [this](const lastcall::log_record& line) {
              const std::lock_guard held(mutex_);
              text_.append(line.text).append(" ");
              for (const auto& each : line.fields) text_.append(each.value).append(" ");
            }};
  }
  std::string text() const {
    const std::lock_guard held(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace

// One of them may have ended its process. Were they begun together, all of them would be tried once more with it.
TEST_F(redis_tries, of_what_a_dead_consumer_left_is_one_at_a_time) {
  std::vector<std::string> left;
  for (int i = 0; i < 6; ++i) left.push_back(add(i));
  ask("XGROUP", "CREATE", "orders", "shipping", "0");
  ask("XREADGROUP", "GROUP", "shipping", "dead", "STREAMS", "orders", ">");
  seen_entries seen, begun, seen_new;
  std::atomic<int> in_work = 0, most_in_work = 0;
  auto how = with([&](const kv::entry& of, const context& ends) {
    if (of.field("number") == "new") {
      seen_new.add(of.id);
      return;
    }
    EXPECT_EQ(of.tries, 2u);
    most_in_work = std::max<int>(most_in_work, ++in_work);
    begun.add(of.id);
    EXPECT_TRUE(seen_new.wait_for(1)) << "new ones wait for these";
    ends.wait_until_forced_for(20ms);  // so that others could begin
    --in_work;
    seen.add(of.id);
  });
  how.claim_after = 100ms;
  running_consumer it(std::move(how));
  ASSERT_TRUE(begun.wait_for(1));
  ask("XADD", "orders", "*", "number", "new");
  ASSERT_TRUE(seen.wait_for(6));
  EXPECT_EQ(most_in_work, 1);
  EXPECT_EQ(field(it.end(), "acknowledged"), 7);
}

TEST_F(redis_tries, of_what_was_on_its_way_when_a_connection_broke_is_the_first) {
  seen_entries seen;
  running_consumer it(over(relay_, [&](const kv::entry& of, const context&) {
    EXPECT_EQ(of.tries, 1u);
    seen.add(of.id);
  }));
  ASSERT_TRUE(comes_true([] { return clients_that_wait() == 1; }));
  hold_answers_of_the_reader();
  const std::string id = add(1);
  ASSERT_EQ(times_given(id), 1);
  relay_.reset_all();
  ASSERT_TRUE(seen.wait_for(1)) << "claim_after is 30 s";
  EXPECT_EQ(field(it.end(), "acknowledged"), 1);
}

TEST_F(redis_tries, of_what_failed_waits_its_time_also_when_a_connection_broke) {
  const std::string bad = add(1);
  seen_entries seen;
  running_consumer it(over(relay_, [&](const kv::entry& of, const context&) {
    seen.add(of.id);
    if (of.id == bad) throw std::runtime_error("no such article");
  }));
  ASSERT_TRUE(seen.wait_for(1));
  ASSERT_TRUE(comes_true([] { return clients_that_wait() == 1; }));
  relay_.reset_all();
  // Once it has read again it has claimed what it would claim.
  add(2);
  ASSERT_TRUE(seen.wait_for(2));
  it.end();
  EXPECT_EQ(seen.all()[bad], 1) << "claim_after is 30 s";
  EXPECT_EQ(times_given(bad), 1);
}

TEST_F(redis_tries, of_what_is_on_its_way_when_it_drains_are_none_and_it_is_named) {
  {
    running_consumer it(over(relay_, [](const kv::entry& of, const context&) { ADD_FAILURE() << of.id; }));
    ASSERT_TRUE(comes_true([] { return clients_that_wait() == 1; }));
    hold_answers_of_the_reader();
    const std::string id = add(1);
    it.drain();
    EXPECT_FALSE(it.ended_within(50ms)) << "its read is not answered";
    EXPECT_THAT(it.in_progress(),
                testing::Contains(testing::Field(&lastcall::work_item::label, "a read that was not answered")));
    relay_.reset(0);
    ASSERT_TRUE(it.ended_within(60s));
    const auto said = it.stop();
    EXPECT_EQ(field(said, "unacknowledged"), 1);
    EXPECT_EQ(text(said, "unacknowledged_ids"), id);
    EXPECT_EQ(field(said, "unanswered"), 0);
    EXPECT_TRUE(said.lost);
    EXPECT_EQ(times_given(id), 0);
  }
  // Another one need not wait for `claim_after`, which is 30 s.
  seen_entries claimed;
  auto next = with([&](const kv::entry& of, const context&) {
    EXPECT_EQ(of.tries, 1u);
    claimed.add(of.id);
  });
  next.consumer = "next";
  running_consumer other(std::move(next));
  ASSERT_TRUE(claimed.wait_for(1));
  EXPECT_EQ(field(other.end(), "acknowledged"), 1);
}

TEST_F(redis_tries, of_what_is_on_its_way_are_not_known_where_the_server_can_not_be_asked) {
  running_consumer it(over(relay_, [](const kv::entry& of, const context&) { ADD_FAILURE() << of.id; }));
  ASSERT_TRUE(comes_true([] { return clients_that_wait() == 1; }));
  hold_answers_of_the_reader();
  add(1);
  relay_.refuse_new();
  it.drain();
  relay_.reset_all();
  ASSERT_TRUE(it.ended_within(60s));
  const auto said = it.stop();
  EXPECT_EQ(field(said, "unanswered"), 1);
  EXPECT_TRUE(said.lost);
}

// A user for whom only what it needs is allowed: no CLIENT, so a drain can't end its read, and no XGROUP.
TEST_F(redis_tries, are_made_also_by_a_user_who_may_not_end_a_read) {
  ask("XGROUP", "CREATE", "orders", "shipping", "0", "MKSTREAM");
  for (const char* forbidden : {"-client", "-client|unblock"}) {
    ask("ACL", "SETUSER", "shop", "reset", "on", ">geheim", "~*", "+@all", forbidden, "-xgroup");
    seen_entries seen;
    kept_lines lines;
    auto how = with([&](const kv::entry& of, const context&) { seen.add(of.id); });
    how.user = "shop";
    how.password = "geheim";
    running_consumer it(std::move(how), lines.log());
    add(1);
    ASSERT_TRUE(seen.wait_for(1)) << forbidden;
    ASSERT_TRUE(comes_true([] { return clients_that_wait() == 1; }));
    EXPECT_EQ(field(it.end(), "acknowledged"), 1);
    EXPECT_THAT(lines.text(), testing::AllOf(HasSubstr("a drain waits for a read"), HasSubstr("NOPERM"))) << forbidden;
  }
  ask("ACL", "DELUSER", "shop");
}

// Another server has taken the place of one that takes no writes any more, under the same name.
TEST_F(redis_tries, are_acknowledged_by_the_server_that_takes_writes) {
  redis_server before;
  redis_server after;
  const auto name = std::filesystem::path(before.socket()).parent_path() / "name";
  std::filesystem::create_symlink(before.socket(), name);
  const auto on_both = [&](const auto&... words) {
    for (const redis_server* each : {&before, &after})
      static_cast<void>(*kv::connection::open({}, {.url = each->url()})->command(within({}, 60s), words...));
  };
  on_both("XADD", "orders", "1-0", "item", "tea");
  on_both("XGROUP", "CREATE", "orders", "shipping", "0");
  seen_entries begun;
  std::promise<void> go_on;
  const auto goes_on = go_on.get_future().share();
  auto how = with([&](const kv::entry& of, const context&) {
    begun.add(of.id);
    goes_on.wait();
  });
  how.url = "unix:" + name.string();
  how.claim_after = 60ms;  // a heartbeat each 20 ms: it has a connection to the server that it began with
  running_consumer it(std::move(how));
  ASSERT_TRUE(begun.wait_for(1));
  const auto beats = [&] {
    const auto said = kv::connection::open({}, {.url = before.url()})->command({}, "INFO", "commandstats");
    return said->text().find("cmdstat_xclaim") != std::string_view::npos;
  };
  EXPECT_TRUE(comes_true(beats));
  auto next = std::move(*kv::connection::open({}, {.url = after.url()}));
  static_cast<void>(*next.command({}, "XREADGROUP", "GROUP", "shipping", "ours", "STREAMS", "orders", ">"));
  std::filesystem::remove(name);
  std::filesystem::create_symlink(after.socket(), name);
  static_cast<void>(*kv::connection::open({}, {.url = before.url()})->command({}, "REPLICAOF", "127.0.0.1", 1));
  go_on.set_value();
  EXPECT_TRUE(comes_true([&] { return (*next.command({}, "XPENDING", "orders", "shipping"))[0].get<int>() == 0; }));
  EXPECT_EQ(field(it.end(), "acknowledged"), 1);
}

}  // namespace service_tests
