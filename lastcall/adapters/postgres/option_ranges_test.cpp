// The options of the adapter for PostgreSQL, at and beyond their bounds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/adapters/postgres/pool.hpp"
#include "lastcall/core/app/count_members_test.hpp"

namespace lastcall::postgres::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// Refused with an error that names it, before anything is sent.
template <class F> void is_refused(const std::string& name, const F& use) {
  SCOPED_TRACE(name);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string_view(e.what()).find("db: " + name), std::string_view::npos) << e.what();
  }
}

template <class V>
void connection_refuses(const std::string& name, V connection_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    connection_options of{.conninfo = "host=/nowhere", .name = "db"};
    of.*member = value;
    is_refused(name, [&] { static_cast<void>(connection::open({}, of)); });
  }
}
template <class V> void pool_refuses(const std::string& name, V pool_options::* member, std::vector<V> values) {
  for (const V& value : values) {
    pool_options of{.name = "db"};
    of.*member = value;
    is_refused(name, [&] { const pool made(of); });
  }
}

const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};

TEST(option_ranges, of_connections_are_refused_by_name) {
  static_assert(members<connection_options>() == 4);
  connection_refuses<std::string>("conninfo", &connection_options::conninfo, {"hots=db", "dbname", "host='db"});
  connection_refuses("connect_within", &connection_options::connect_within, no_times);
  connection_refuses("cancel_within", &connection_options::cancel_within, no_times);
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  static_assert(members<pool_options>() == 13);
  pool_refuses<std::string>("conninfo", &pool_options::conninfo, {"hots=db", "dbname", "host='db"});
  pool_refuses("connect_within", &pool_options::connect_within, no_times);
  pool_refuses("cancel_within", &pool_options::cancel_within, no_times);
  pool_refuses("most", &pool_options::most, {0, 10'001, std::size_t(-1)});
  pool_refuses("kept_idle", &pool_options::kept_idle, {9, std::size_t(-1)});
  pool_refuses("longest_wait", &pool_options::longest_wait, no_times);
  pool_refuses("close_within", &pool_options::close_within, no_times);
  pool_refuses("lifetime", &pool_options::lifetime, no_times);
  pool_refuses("idle_time", &pool_options::idle_time, no_times);
  pool_refuses<std::optional<duration>>("unready_after", &pool_options::unready_after,
                                        {-1ns, 24h + 1ns, duration::max(), duration::min()});
  pool_refuses("check_after", &pool_options::check_after, {-1ns, 24h + 1ns, duration::max(), duration::min()});
}

}  // namespace lastcall::postgres::option_ranges_test
