// Random graphs, times, hangs and forces against the promises of shutdown_plan, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/lifecycle/shutdown_plan.hpp"

namespace lastcall::shutdown_plan_simulation_test {

using namespace std::chrono_literals;
using lastcall::duration;
using lastcall::shutdown_plan;
using lastcall::time_point;

constexpr duration never = 1000h;

struct behaviour {
  duration drains_after;
  duration comes_back_after;  // after force; never: ignores it
  duration stops_after;
  bool starting = false;  // when the end begins
  bool start_fails = false;
  duration start_returns_after{};
  duration start_gives_up_after{};  // once its context is forced
};

struct course {
  std::vector<std::string> broken;  // promises
  bool finished = false;
};

/// Plays one shutdown and notes every promise that is broken.
class world {
 public:
  world(std::mt19937_64& random, course& out) : random_(random), out_(out) {
    const std::size_t count = pick(0, 12);
    std::vector<std::vector<std::size_t>> needs(count);
    for (std::size_t i = 0; i < count; ++i) {
      needed_by_.emplace_back();
      for (std::size_t j = 0; j < i; ++j) {
        if (pick(0, 3) != 0) continue;
        needs[i].push_back(j);
        needed_by_[j].push_back(i);
      }
      behaviours_.push_back({time(30), pick(0, 9) == 0 ? never : time(3), pick(0, 14) == 0 ? never : time(1)});
      if (pick(0, 7) == 0) behaviours_.back().drains_after = never;
    }
    nodes_.resize(count);
    std::vector<bool> starting(count, false);
    if (pick(0, 2) == 0) {  // the end begins amid the start: whom nobody needs yet may be starting
      for (std::size_t i = 0; i < count; ++i) {
        if (!needed_by_[i].empty() || pick(0, 1) == 0) continue;
        starting[i] = nodes_[i].starting = behaviours_[i].starting = true;
        behaviours_[i].start_fails = pick(0, 2) == 0;
        behaviours_[i].start_returns_after = pick(0, 3) == 0 ? never : time(30);
        behaviours_[i].start_gives_up_after = pick(0, 3) == 0 ? never : time(3);
      }
    }
    budget_ = {.grace = time(25) + 1s, .reserve = 0s, .readiness_delay = 0s, .announce = pick(0, 4) != 0};
    budget_.reserve = pick(0, 3) == 0 ? 0s : budget_.grace / static_cast<int>(pick(2, 10));
    if (pick(0, 1) == 0) budget_.readiness_delay = (budget_.grace - budget_.reserve) / static_cast<int>(pick(1, 8));
    force_after_ = pick(0, 3) == 0 ? time(30) : never;
    shutdown_plan plan(std::move(needs), budget_, std::move(starting));
    play(plan);
  }

 private:
  enum class event : unsigned char { start_returned, drained, stopped, force };
  struct node {
    bool starting = false, gone = false, announced = false, draining = false, drained = false, forced = false,
         stopping = false, stopped = false;
  };

  std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
  }
  duration time(std::uint64_t seconds) {
    return pick(0, 2) == 0 ? 0ms : std::chrono::milliseconds(pick(0, seconds * 1000));
  }

  void expect(bool kept, const std::string& promise) {
    if (!kept) out_.broken.push_back(promise);
  }
  void later(duration after, event what, std::size_t index) {
    if (after < never) events_.emplace(now_ + after, std::pair(what, index));
  }
  bool missing(std::size_t i) const {
    return nodes_[i].starting || (nodes_[i].draining && !nodes_[i].drained) || nodes_[i].stopping;
  }

  void play(shutdown_plan& plan) {
    const time_point begin = now_;
    later(force_after_, event::force, 0);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].starting) later(behaviours_[i].start_returns_after, event::start_returned, i);
    carry_out(plan, plan.request(now_));
    for (int steps = 0; !out_.finished; ++steps) {
      expect(steps < 1000, "comes to an end");
      if (steps >= 1000) return;
      settle(plan);
      if (out_.finished) break;
      const auto wake = plan.next_wake();
      expect(wake.has_value(), "knows when to wake until it is finished");
      if (!wake) return;
      const bool event_first = !events_.empty() && events_.begin()->first <= *wake;
      now_ = event_first ? events_.begin()->first : *wake;
      if (!event_first) {
        carry_out(plan, plan.tick(now_));
        continue;
      }
      const auto [what, index] = events_.begin()->second;
      events_.erase(events_.begin());
      deliver(plan, what, index);
    }
    expect(now_ <= plan.deadline(), "is over by the deadline");
    expect(plan.deadline() <= begin + budget_.grace, "does not move the deadline back");
    expect(plan.tick(now_ + 100h).empty() && !plan.next_wake(), "is silent once it is over");
  }

  /// Ticks while ticks are due; answers due at the same moment go first, as a driver would deliver them.
  void settle(shutdown_plan& plan) {
    while (!out_.finished) {
      if (!events_.empty() && events_.begin()->first <= now_) {
        const auto [what, index] = events_.begin()->second;
        events_.erase(events_.begin());
        deliver(plan, what, index);
      } else if (plan.next_wake() && *plan.next_wake() <= now_) {
        carry_out(plan, plan.tick(now_));
      } else {
        return;
      }
    }
  }

  void deliver(shutdown_plan& plan, event what, std::size_t index) {
    switch (what) {
      case event::start_returned:
        if (!std::exchange(nodes_[index].starting, false)) return;  // returned of its own accord, and after force
        nodes_[index].gone = behaviours_[index].start_fails;
        return carry_out(plan,
                         behaviours_[index].start_fails ? plan.start_failed(index, now_) : plan.started(index, now_));
      case event::drained:
        if (std::exchange(nodes_[index].drained, true)) return;  // drained of its own accord, and after force
        return carry_out(plan, plan.drained(index, now_));
      case event::stopped:
        nodes_[index].stopping = false;
        nodes_[index].stopped = true;
        return carry_out(plan, plan.stopped(index, now_));
      case event::force:
        return carry_out(plan, plan.request_force(now_));
    }
  }

  void carry_out(shutdown_plan& plan, const shutdown_plan::actions& actions) {
    for (const auto& action : actions) {
      expect(!out_.finished, "says nothing after finish");
      carry_out_one(plan, action);
    }
  }

  void carry_out_one(shutdown_plan& plan, const shutdown_plan::action& it) {
    switch (it.what) {
      case shutdown_plan::step::announce:
        return announce(nodes_[it.node]);
      case shutdown_plan::step::drain:
        return drain(plan, nodes_[it.node], it.node);
      case shutdown_plan::step::force:
        return force(plan, nodes_[it.node], it.node);
      case shutdown_plan::step::stop:
        return stop(plan, nodes_[it.node], it.node);
      case shutdown_plan::step::hung:
        return named_.push_back(it.node);
      case shutdown_plan::step::finish:
        return finish(plan);
    }
  }

  void announce(node& n) {
    expect(budget_.announce && !n.announced && !n.draining && !n.forced && !n.stopping, "announces once, and first");
    n.announced = true;
  }
  void drain(shutdown_plan& plan, node& n, std::size_t index) {
    expect(!n.draining && !n.forced && !n.stopping && !n.stopped, "drains once, before force and stop");
    expect(!n.starting && !n.gone, "drains what has started");
    expect(now_ < plan.drain_end(), "drains only before the drain end");
    expect(n.announced == budget_.announce, "announces before it drains");
    for (const std::size_t user : needed_by_[index])
      expect(nodes_[user].stopped || nodes_[user].gone, "drains after all that need it");
    n.draining = true;
    later(behaviours_[index].drains_after, event::drained, index);
  }
  void force(shutdown_plan& plan, node& n, std::size_t index) {
    expect(!n.forced && !n.drained && !n.stopping && !n.stopped, "forces once, and only the unfinished");
    expect(now_ >= plan.drain_end(), "forces only at the drain end");
    n.forced = true;
    expect(!n.gone, "forces nobody whose start has failed");
    if (n.draining) later(behaviours_[index].comes_back_after, event::drained, index);
    if (n.starting) later(behaviours_[index].start_gives_up_after, event::start_returned, index);
  }
  void stop(shutdown_plan& plan, node& n, std::size_t index) {
    expect(!n.stopping && !n.stopped, "stops once");
    expect(!n.starting && !n.gone, "stops what has started");
    expect(n.drained || (n.forced && !n.draining), "stops after drained, or undrained after force");
    const bool late = now_ >= std::min(plan.drain_end() + budget_.reserve / 2, plan.deadline());
    for (const std::size_t user : needed_by_[index]) {
      expect(nodes_[user].stopped || nodes_[user].gone || (late && missing(user)),
             "stops after what needs it has stopped, or is hung");
    }
    n.stopping = true;
    later(behaviours_[index].stops_after, event::stopped, index);
  }
  void finish(shutdown_plan& plan) {
    out_.finished = true;
    std::vector<std::size_t> hung;
    bool all_stopped = true;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (missing(i)) hung.push_back(i);
      all_stopped = all_stopped && (nodes_[i].stopped || nodes_[i].gone);
    }
    expect(named_ == hung, "names those that did not come back, and nobody else");
    expect(all_stopped == hung.empty(), "leaves nobody out unless one hangs");
    expect(all_stopped || now_ >= plan.deadline(), "gives the hung until the deadline");
  }

  std::mt19937_64& random_;
  course& out_;
  std::vector<std::vector<std::size_t>> needed_by_;
  std::vector<behaviour> behaviours_;
  std::vector<node> nodes_;
  std::vector<std::size_t> named_;  // as hung
  lastcall::shutdown_budget budget_{};
  duration force_after_ = never;
  time_point now_ = time_point() + 1h;
  std::multimap<time_point, std::pair<event, std::size_t>> events_;
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t worlds =
    5'000;  // of one thread, and pure: what else the sanitizers see here they have seen by then
#else
constexpr std::uint64_t worlds = 100'000;
#endif

TEST(shutdown_plan_simulation, keeps_its_promises_for_random_graphs_delays_hangs_and_forces) {
  const char* given = std::getenv("LASTCALL_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + worlds; ++seed) {
    std::mt19937_64 random(seed);
    course it;
    world(random, it);
    ASSERT_TRUE(it.finished) << "LASTCALL_TEST_SEED=" << seed;
    ASSERT_TRUE(it.broken.empty()) << "LASTCALL_TEST_SEED=" << seed << ": it no longer " << it.broken.front();
  }
  RecordProperty("seed", std::to_string(first));
  std::printf("seeds from %llu\n", static_cast<unsigned long long>(first));
}

}  // namespace lastcall::shutdown_plan_simulation_test
