// The options of work, at and beyond their bounds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::work_option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

template <class V> void pool_refuses(const std::string& name, V pool_options<int>::* member, std::vector<V> values) {
  SCOPED_TRACE(name);
  for (const V value : values) {
    pool_options<int> of{.open = [](const context&) { return 1; }, .name = "db"};
    of.*member = value;
    try {
      const pool<int> made(std::move(of));
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string_view(e.what()).find("db: " + name + " = "), std::string_view::npos) << e.what();
    }
  }
}

TEST(option_ranges, of_pools_are_refused_by_name) {
  static_assert(members<pool_options<int>>() == 12);
  const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};
  pool_refuses("most", &pool_options<int>::most, {0, 10'001, std::size_t(-1)});
  pool_refuses("kept_idle", &pool_options<int>::kept_idle, {9, std::size_t(-1)});
  pool_refuses("longest_wait", &pool_options<int>::longest_wait, no_times);
  pool_refuses("close_within", &pool_options<int>::close_within, no_times);
  pool_refuses("lifetime", &pool_options<int>::lifetime, no_times);
  pool_refuses("idle_time", &pool_options<int>::idle_time, no_times);
  pool_refuses("check_after", &pool_options<int>::check_after, {-1ns, 24h + 1ns, duration::max(), duration::min()});
}

}  // namespace lastcall::work_option_ranges_test
