// The options of work, at and beyond their bounds.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/core/app/refused_options_test.hpp"
#include "lastcall/work/child.hpp"
#include "lastcall/work/periodic.hpp"
#include "lastcall/work/pool.hpp"
#include "lastcall/work/work_queue.hpp"

namespace lastcall::work_option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;
using lastcall::detail::no_times;
using lastcall::detail::no_times_above_zero;
using lastcall::detail::refused_options;

TEST(option_ranges, of_pools_are_refused_by_name) {
  using options = pool_options<int>;
  static_assert(members<pool_options<int>>() == 13);
  const refused_options refused(
      "db", [] { return options{.open = [](const context&) { return 1; }, .name = "db"}; },
      [](options of) { const pool<int> made(std::move(of)); });
  refused.are("most", &options::most, {0, 10'001, std::size_t(-1)});
  refused.are("kept_idle", &options::kept_idle, {9, std::size_t(-1)});
  refused.are("longest_wait", &options::longest_wait, no_times_above_zero);
  refused.are("close_within", &options::close_within, no_times_above_zero);
  refused.are("lifetime", &options::lifetime, no_times_above_zero);
  refused.are("idle_time", &options::idle_time, no_times_above_zero);
  refused.are("unready_after", &options::unready_after, {no_times.begin(), no_times.end()});
  refused.are("check_after", &options::check_after, no_times);
}

TEST(option_ranges, of_queues_are_refused_by_name) {
  using options = work_queue_options<int>;
  static_assert(members<work_queue_options<int>>() == 11);
  using queue = work_queue<int>;
  const refused_options refused(
      "it",
      [] {
        return options{
            .work = [](int&, const context&) {}, .bytes = [](const int&) { return std::size_t(1); }, .name = "it"};
      },
      [](options of) { const queue made(std::move(of)); });
  refused.are("workers", &options::workers, {0, 10'001, std::size_t(-1)});
  refused.are("most", &options::most, {0, 1'000'000'001, std::size_t(-1)});
  refused.are("most_bytes", &options::most_bytes, {(std::size_t(1) << 40) + 1, std::size_t(-1)});
  refused.are("longest_wait", &options::longest_wait, no_times_above_zero);
  EXPECT_THROW(queue({.work = {}, .name = "it"}), std::invalid_argument) << "nothing to do";
  EXPECT_THROW(queue({.work = [](int&, const context&) {}, .most_bytes = 1}), std::invalid_argument);
  EXPECT_THROW(queue({.work = [](int&, const context&) {}, .finishes = false}), std::invalid_argument);
}

TEST(option_ranges, of_periodics_are_refused_by_name) {
  using options = periodic_options;
  static_assert(members<periodic_options>() == 5);
  const refused_options refused(
      "it", [] { return options{.tick = [](const context&) {}, .every = 1s, .name = "it"}; },
      [](options of) { const periodic made(std::move(of)); });
  refused.are("every", &options::every, no_times_above_zero);
  refused.are("jitter", &options::jitter, {-1ns, 1s + 1ns, 24h + 1ns, duration::max(), duration::min()});
  EXPECT_THROW(periodic({.tick = {}, .name = "it"}), std::invalid_argument) << "nothing to do";
}

TEST(option_ranges, of_children_are_refused_by_name) {
  static_assert(members<child_options>() == 5);
  static_assert(members<child_program>() == 8);
  const refused_options refused(
      "it", [] { return child_options{.program = {.command = {"true"}}, .name = "it"}; },
      [](child_options of) { const child made(std::move(of)); });
  refused.are("first_pause", &child_options::first_pause, no_times_above_zero);
  refused.are("longest_pause", &child_options::longest_pause, no_times_above_zero);
  const refused_options program(
      "it", [] { return child_program{.command = {"true"}}; },
      [](child_program of) { const child made(child_options{.program = std::move(of), .name = "it"}); });
  program.are("told_by", &child_program::told_by, {-1, 65, 1000});
  program.are("longest_line", &child_program::longest_line, {0, (1 << 20) + 1, std::size_t(-1)});
  program.are("lines_per_second", &child_program::lines_per_second, {0, 1001, std::size_t(-1)});
  EXPECT_THROW(child(child_options{.program = {.command = {}}, .name = "it"}), std::invalid_argument) << "no program";
}

}  // namespace lastcall::work_option_ranges_test
