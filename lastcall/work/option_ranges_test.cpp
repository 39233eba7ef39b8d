// The options of work, at and beyond their bounds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/work/child.hpp"
#include "lastcall/work/periodic.hpp"
#include "lastcall/work/pool.hpp"
#include "lastcall/work/work_queue.hpp"

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
  static_assert(members<pool_options<int>>() == 13);
  const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};
  pool_refuses("most", &pool_options<int>::most, {0, 10'001, std::size_t(-1)});
  pool_refuses("kept_idle", &pool_options<int>::kept_idle, {9, std::size_t(-1)});
  pool_refuses("longest_wait", &pool_options<int>::longest_wait, no_times);
  pool_refuses("close_within", &pool_options<int>::close_within, no_times);
  pool_refuses("lifetime", &pool_options<int>::lifetime, no_times);
  pool_refuses("idle_time", &pool_options<int>::idle_time, no_times);
  pool_refuses<std::optional<duration>>("unready_after", &pool_options<int>::unready_after,
                                        {-1ns, 24h + 1ns, duration::max(), duration::min()});
  pool_refuses("check_after", &pool_options<int>::check_after, {-1ns, 24h + 1ns, duration::max(), duration::min()});
}

template <class C, class G, class V, class M>
void refuses(const std::string& name, const G& good, V M::* member, std::vector<V> values) {
  SCOPED_TRACE(name);
  for (const V value : values) {
    auto of = good();
    if constexpr (std::is_same_v<M, child_program>) {
      of.program.*member = value;
    } else {
      of.*member = value;
    }
    try {
      const C made(std::move(of));
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string_view(e.what()).find("it: " + name + " = "), std::string_view::npos) << e.what();
    }
  }
}

const std::vector<duration> no_times_above_zero{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};

TEST(option_ranges, of_queues_are_refused_by_name) {
  using options = work_queue_options<int>;
  static_assert(members<work_queue_options<int>>() == 11);
  const auto good = [] {
    return options{
        .work = [](int&, const context&) {}, .bytes = [](const int&) { return std::size_t(1); }, .name = "it"};
  };
  using queue = work_queue<int>;
  refuses<queue>("workers", good, &options::workers, {0, 10'001, std::size_t(-1)});
  refuses<queue>("most", good, &options::most, {0, 1'000'000'001, std::size_t(-1)});
  refuses<queue>("most_bytes", good, &options::most_bytes, {(std::size_t(1) << 40) + 1, std::size_t(-1)});
  refuses<queue>("longest_wait", good, &options::longest_wait, no_times_above_zero);
  EXPECT_THROW(queue({.work = {}, .name = "it"}), std::invalid_argument) << "nothing to do";
  EXPECT_THROW(queue({.work = [](int&, const context&) {}, .most_bytes = 1}), std::invalid_argument);
  EXPECT_THROW(queue({.work = [](int&, const context&) {}, .finishes = false}), std::invalid_argument);
}

TEST(option_ranges, of_periodics_are_refused_by_name) {
  using options = periodic_options;
  static_assert(members<periodic_options>() == 5);
  const auto good = [] { return options{.tick = [](const context&) {}, .every = 1s, .name = "it"}; };
  refuses<periodic>("every", good, &options::every, no_times_above_zero);
  refuses<periodic>("jitter", good, &options::jitter, {-1ns, 1s + 1ns, 24h + 1ns, duration::max(), duration::min()});
  EXPECT_THROW(periodic({.tick = {}, .name = "it"}), std::invalid_argument) << "nothing to do";
}

TEST(option_ranges, of_children_are_refused_by_name) {
  static_assert(members<child_options>() == 5);
  static_assert(members<child_program>() == 8);
  const auto good = [] { return child_options{.program = {.command = {"true"}}, .name = "it"}; };
  refuses<child>("told_by", good, &child_program::told_by, {-1, 65, 1000});
  refuses<child>("longest_line", good, &child_program::longest_line, {0, (1 << 20) + 1, std::size_t(-1)});
  refuses<child>("lines_per_second", good, &child_program::lines_per_second, {0, 1001, std::size_t(-1)});
  refuses<child>("first_pause", good, &child_options::first_pause, no_times_above_zero);
  refuses<child>("longest_pause", good, &child_options::longest_pause, no_times_above_zero);
  EXPECT_THROW(child(child_options{.program = {.command = {}}, .name = "it"}), std::invalid_argument) << "no program";
}

}  // namespace lastcall::work_option_ranges_test
