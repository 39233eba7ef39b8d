// The options of the adapter for SQLite, at and beyond their bounds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/adapters/sqlite/pool.hpp"
#include "lastcall/core/app/count_members_test.hpp"

namespace lastcall::sqlite::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// Refused with an error that names it, before a file is touched.
template <class F> void is_refused(const std::string& name, const F& use) {
  SCOPED_TRACE(name);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string_view(e.what()).find(name + " = "), std::string_view::npos) << e.what();
    EXPECT_EQ(std::string_view(e.what()).substr(0, 2), "db") << e.what();
  }
}

template <class V>
void connection_refuses(const std::string& name, V connection_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    connection_options of{.path = "/nowhere/x.db", .name = "db"};
    of.*member = value;
    is_refused(name, [&] { static_cast<void>(connection::open({}, of)); });
  }
}
template <class V> void pool_refuses(const std::string& name, V pool_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    pool_options of{.path = "/nowhere/x.db", .name = "db"};
    of.*member = value;
    is_refused(name, [&] { const pool made(of); });
  }
}

const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};
const std::vector<std::string> no_paths{"", ":memory:", std::string("a\0b", 3)};

TEST(option_ranges, of_connections_are_refused_by_name) {
  static_assert(members<connection_options>() == 5);  // durability and access have no value that is wrong
  connection_refuses("path", &connection_options::path, no_paths);
  connection_refuses("busy_within", &connection_options::busy_within, no_times);
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  static_assert(members<pool_options>() == 10);
  pool_refuses("path", &pool_options::path, no_paths);
  pool_refuses("busy_within", &pool_options::busy_within, no_times);
  pool_refuses("most", &pool_options::most, {0, 10'001, std::size_t(-1)});
  pool_refuses("kept_idle", &pool_options::kept_idle, {5, std::size_t(-1)});
  pool_refuses("longest_wait", &pool_options::longest_wait, no_times);
  pool_refuses("close_within", &pool_options::close_within, no_times);
  pool_refuses("idle_time", &pool_options::idle_time, no_times);
}

}  // namespace lastcall::sqlite::option_ranges_test
