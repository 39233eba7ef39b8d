// The options of the adapter for PostgreSQL, at and beyond their bounds: refused before anything is sent.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "lastcall/adapters/postgres/pool.hpp"
#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/core/app/refused_options_test.hpp"

namespace lastcall::postgres::option_ranges_test {

using lastcall::detail::members;
using lastcall::detail::no_times;
using lastcall::detail::no_times_above_zero;
using lastcall::detail::refused_options;

const std::vector<std::string> no_conninfos{"hots=db", "dbname", "host='db"};

TEST(option_ranges, of_connections_are_refused_by_name) {
  using options = connection_options;
  static_assert(members<connection_options>() == 4);
  const refused_options refused(
      "db", [] { return options{.conninfo = "host=/nowhere", .name = "db"}; },
      [](const options& of) { static_cast<void>(connection::open({}, of)); });
  refused.are("conninfo", &options::conninfo, no_conninfos);
  refused.are("connect_within", &options::connect_within, no_times_above_zero);
  refused.are("cancel_within", &options::cancel_within, no_times_above_zero);
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  using options = pool_options;
  static_assert(members<pool_options>() == 13);
  const refused_options refused(
      "db", [] { return options{.name = "db"}; }, [](const options& of) { const pool made(of); });
  refused.are("conninfo", &options::conninfo, no_conninfos);
  refused.are("connect_within", &options::connect_within, no_times_above_zero);
  refused.are("cancel_within", &options::cancel_within, no_times_above_zero);
  refused.are("most", &options::most, {0, 10'001, std::size_t(-1)});
  refused.are("kept_idle", &options::kept_idle, {9, std::size_t(-1)});
  refused.are("longest_wait", &options::longest_wait, no_times_above_zero);
  refused.are("close_within", &options::close_within, no_times_above_zero);
  refused.are("lifetime", &options::lifetime, no_times_above_zero);
  refused.are("idle_time", &options::idle_time, no_times_above_zero);
  refused.are("unready_after", &options::unready_after, {no_times.begin(), no_times.end()});
  refused.are("check_after", &options::check_after, no_times);
}

}  // namespace lastcall::postgres::option_ranges_test
