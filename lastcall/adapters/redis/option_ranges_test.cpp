// The options of the adapter for Redis, at and beyond their bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "lastcall/adapters/redis/consumer.hpp"
#include "lastcall/adapters/redis/pool.hpp"
#include "lastcall/core/app/count_members_test.hpp"

namespace lastcall::redis::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// Refused with an error that names it, before anything is connected.
template <class F> void is_refused(const std::string& name, const F& use) {
  SCOPED_TRACE(name);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(name));
    EXPECT_THAT(e.what(), testing::StartsWith("kv: "));
    EXPECT_THAT(e.what(), testing::Not(testing::HasSubstr("geheim")));
  }
}

template <class V>
void connection_refuses(const std::string& name, V connection_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    connection_options of{.name = "kv"};
    of.*member = value;
    is_refused(name, [&] { static_cast<void>(connection::open({}, of)); });
  }
}
template <class V> void pool_refuses(const std::string& name, V pool_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    pool_options of{.name = "kv"};
    of.*member = value;
    is_refused(name, [&] { const pool made(of); });
  }
}
template <class V> void consumer_refuses(const std::string& name, V consumer_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    consumer_options of{.stream = "s", .group = "g", .process = [](const entry&, const context&) {}, .name = "kv"};
    of.*member = value;
    is_refused(name, [&] { const consumer made(std::move(of)); });
  }
}

const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};
const std::vector<std::string> no_urls{"", "localhost", "rediss://:geheim@db", "redis://:geheim@db:x"};

TEST(option_ranges, of_connections_are_refused_by_name) {
  static_assert(members<connection_options>() == 5);  // a name may be anything
  connection_refuses("url: ", &connection_options::url, no_urls);
  connection_refuses("connect_within = ", &connection_options::connect_within, no_times);
  connection_refuses("user = shop", &connection_options::user, {"shop"});
  is_refused("password", [] {
    static_cast<void>(connection::open({}, {.url = "redis://:geheim@db", .password = "geheim", .name = "kv"}));
  });
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  static_assert(members<pool_options>() == 13);
  pool_refuses("url: ", &pool_options::url, no_urls);
  pool_refuses("user = shop", &pool_options::user, {"shop"});
  pool_refuses("connect_within = ", &pool_options::connect_within, no_times);
  pool_refuses("most = ", &pool_options::most, {0, 10'001, std::size_t(-1)});
  pool_refuses("kept_idle = ", &pool_options::kept_idle, {9, std::size_t(-1)});
  pool_refuses("longest_wait = ", &pool_options::longest_wait, no_times);
  pool_refuses("close_within = ", &pool_options::close_within, no_times);
  pool_refuses("lifetime = ", &pool_options::lifetime, no_times);
  pool_refuses("idle_time = ", &pool_options::idle_time, no_times);
  pool_refuses("check_after = ", &pool_options::check_after, {-1ns, 24h + 1ns, duration::max(), duration::min()});
  pool_refuses("unready_after = ", &pool_options::unready_after, std::vector<std::optional<duration>>{-1ns, 24h + 1ns});
}

TEST(option_ranges, of_consumers_are_refused_by_name) {
  static_assert(members<consumer_options>() == 16);  // a consumer's name and from_beginning may be anything
  consumer_refuses("url: ", &consumer_options::url, no_urls);
  consumer_refuses("user = shop", &consumer_options::user, {"shop"});
  consumer_refuses("connect_within = ", &consumer_options::connect_within, no_times);
  consumer_refuses("stream = ", &consumer_options::stream, {""});
  consumer_refuses("group = ", &consumer_options::group, {""});
  is_refused("process is empty",
             [] { const consumer made({.stream = "s", .group = "g", .process = {}, .name = "kv"}); });
  consumer_refuses("workers = ", &consumer_options::workers, {0, 10'001, std::size_t(-1)});
  consumer_refuses("most = ", &consumer_options::most, {0, 1'000'001, std::size_t(-1)});
  consumer_refuses("most_tries = ", &consumer_options::most_tries, std::vector<std::uint64_t>{std::uint64_t(-1)});
  consumer_refuses("claim_after = ", &consumer_options::claim_after,
                   {9ms, 24h + 1ns, duration::max(), duration::min()});
  consumer_refuses("dead_letters = s", &consumer_options::dead_letters, {"s"});
  consumer_refuses("acknowledge_within = ", &consumer_options::acknowledge_within, no_times);
}

}  // namespace lastcall::redis::option_ranges_test
