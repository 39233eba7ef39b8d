// The options of what tests use, at and beyond their bounds. Those of servers: http/server/option_ranges_test.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/fault_relay.hpp"
#include "lastcall/testing/harness.hpp"
#include "lastcall/testing/program.hpp"

namespace lastcall::testing::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// Refused with an error that names it, before anything is done.
void is_refused(const std::string& name, const std::function<void()>& use) {
  SCOPED_TRACE(name);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string_view(e.what()).find(name), std::string_view::npos) << e.what();
  }
}

const server_address nobody = parse_server_address("http://127.0.0.1:1");

template <class V> void probe_refuses(const std::string& name, V probe_options::* member, std::vector<V> values) {
  for (const V value : values) {
    is_refused(name, [&] {
      probe_options o;
      o.*member = value;
      run_probe(nobody, o, {});
    });
  }
}
template <class V> void load_refuses(const std::string& name, V load_options::* member, std::vector<V> values) {
  for (const V value : values) {
    is_refused(name, [&] {
      load_options load = default_load(load_kind::race);
      load.*member = value;
      run_probe(nobody, {.loads = {load}}, {});
    });
  }
}
template <class V> void line_refuses(const std::string& name, V line_faults::* member, std::vector<V> values) {
  for (const V value : values) {
    line_faults f;
    f.*member = value;
    is_refused(name, [&] { fault_relay relay(nobody, {.faults = {.to_client = f}}); });
    fault_relay relay(nobody);
    is_refused(name, [&] { relay.set({.to_server = f}); });
    is_refused(name, [&] { relay.set(0, {.to_server = f}); });
  }
}
template <class V> void double_refuses(const std::string& name, V component_behaviour::* member, std::vector<V> vs) {
  for (const V value : vs) {
    is_refused(name, [&] {
      component_behaviour b;
      b.*member = value;
      harness().add("a", b);
    });
  }
}

const std::vector<duration> beyond = {duration::min(), -1ns, 24h + 1ns, duration::max() - 1ns, duration::max()};
constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
constexpr unsigned most_unsigned = std::numeric_limits<unsigned>::max();

TEST(option_ranges, refuse_by_name_what_is_beyond_them_in_everything_that_tests_use) {
  probe_refuses("after", &probe_options::after, beyond);
  probe_refuses("timeout", &probe_options::timeout, beyond);
  probe_refuses("timeout", &probe_options::timeout, {0s});
  probe_refuses("patience", &probe_options::patience, beyond);
  probe_refuses("request_timeout", &probe_options::request_timeout, beyond);
  probe_refuses("spacing", &probe_options::spacing, beyond);
  probe_refuses("signals", &probe_options::signals, {100'001u, most_unsigned});

  const double no_number = std::numeric_limits<double>::quiet_NaN(), endless = std::numeric_limits<double>::infinity();
  load_refuses("rate", &load_options::rate, {no_number, endless, -endless, -1.0, 1e-300, 0.09, 1e6 + 1, 1e300});
  load_refuses("count", &load_options::count, {1'000'001, most});
  load_refuses("most", &load_options::most, {1'000'001, most});
  load_refuses("min", &load_options::min, beyond);
  load_refuses("max", &load_options::max, beyond);
  load_refuses("min is more than max", &load_options::min, {201ms});
  load_refuses("lead", &load_options::lead, beyond);
  load_refuses("over", &load_options::over, beyond);
  load_refuses("bytes", &load_options::bytes, {most, (std::uint64_t{1} << 50) + 1});
  load_refuses("requests", &load_options::requests, {1'000'001u, most_unsigned});
  load_refuses("expect", &load_options::expect, {-1, 600, std::numeric_limits<int>::max()});

  line_refuses("delay", &line_faults::delay, beyond);
  line_refuses("piece_gap", &line_faults::piece_gap, beyond);
  for (const std::size_t size : {std::size_t{0}, most}) {
    is_refused("buffer_bytes", [&] { fault_relay relay(nobody, {.buffer_bytes = size}); });
    is_refused("most_connections", [&] { fault_relay relay(nobody, {.most_connections = size}); });
  }

  double_refuses("start_takes", &component_behaviour::start_takes, beyond);
  double_refuses("drain_takes", &component_behaviour::drain_takes, beyond);
  double_refuses("stop_takes", &component_behaviour::stop_takes, beyond);
  double_refuses("each_takes", &component_behaviour::each_takes, beyond);
  double_refuses("force_takes", &component_behaviour::force_takes, beyond);
  double_refuses("in_flight", &component_behaviour::in_flight, {most});
  for (const duration each : beyond) is_refused("patience", [&] { harness h({}, each); });
}

TEST(option_ranges, take_what_they_say) {
  for (const load_kind each : {load_kind::busy, load_kind::fresh, load_kind::race, load_kind::inflight,
                               load_kind::upload, load_kind::download, load_kind::idle, load_kind::half_closed})
    check(default_load(each));
  check(load_options{.count = 1'000'000, .rate = 0.1, .min = 24h, .max = 24h, .requests = 1'000'000, .expect = 0});
  check(relay_faults::both({.delay = 24h, .bytes_per_second = most, .piece_gap = 24h}));
}

TEST(option_ranges, let_virtual_time_end_before_it_overflows) {
  virtual_clock time;
  time.advance(duration::max());
  EXPECT_EQ(time.now(), time_point::max());
}

/// One that is new must be tried above, or be neither a time nor a number.
TEST(option_ranges, know_all_members_of_all_options_of_tests) {
  EXPECT_EQ(members<probe_options>(), 9u);
  EXPECT_EQ(members<request_options>(), 3u);  // texts; see request_text_test
  EXPECT_EQ(members<load_options>(), 13u);
  EXPECT_EQ(members<relay_options>(), 3u);
  EXPECT_EQ(members<relay_faults>(), 2u);
  EXPECT_EQ(members<line_faults>(), 7u);
  EXPECT_EQ(members<component_behaviour>(), 9u);
  EXPECT_EQ(members<load_and_stop>(), 9u);    // go to run_probe
  EXPECT_EQ(members<program_options>(), 6u);  // the time is a deadline, which has its range
  EXPECT_EQ(members<child_options>(), 6u);    // none
}

}  // namespace lastcall::testing::option_ranges_test
