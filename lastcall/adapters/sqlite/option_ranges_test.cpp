// The options of the adapter for SQLite, at and beyond their bounds: refused before a file is touched.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/adapters/sqlite/pool.hpp"
#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/core/app/refused_options_test.hpp"

namespace lastcall::sqlite::option_ranges_test {

using lastcall::detail::members;
using lastcall::detail::no_times_above_zero;
using lastcall::detail::refused_options;

const std::vector<std::string> no_paths{"", ":memory:", std::string("a\0b", 3)};

TEST(option_ranges, of_connections_are_refused_by_name) {
  using options = connection_options;
  static_assert(members<connection_options>() == 5);  // durability and access have no value that is wrong
  const refused_options refused(
      "db", [] { return options{.path = "/nowhere/x.db", .name = "db"}; },
      [](const options& of) { static_cast<void>(connection::open({}, of)); });
  refused.are("path", &options::path, no_paths);
  refused.are("busy_within", &options::busy_within, no_times_above_zero);
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  using options = pool_options;
  static_assert(members<pool_options>() == 10);
  const refused_options refused(
      "db", [] { return options{.path = "/nowhere/x.db", .name = "db"}; },
      [](const options& of) { const pool made(of); });
  refused.are("path", &options::path, no_paths);
  refused.are("busy_within", &options::busy_within, no_times_above_zero);
  refused.are("most", &options::most, {0, 10'001, std::size_t(-1)});
  refused.are("kept_idle", &options::kept_idle, {5, std::size_t(-1)});
  refused.are("longest_wait", &options::longest_wait, no_times_above_zero);
  refused.are("close_within", &options::close_within, no_times_above_zero);
  refused.are("idle_time", &options::idle_time, no_times_above_zero);
}

}  // namespace lastcall::sqlite::option_ranges_test
