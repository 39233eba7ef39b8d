#include "lastcall/work/periodic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/tick_plan.hpp"

namespace lastcall::inline v0 {

namespace {

constexpr std::array bounds{0.001, 0.01, 0.1, 1.0, 10.0, 60.0};  // seconds

class ticks {
 public:
  ticks(periodic_options with, logger log) : with_(std::move(with)), log_(std::move(log)) {}

  // On a thread of its own.
  void run(const context& ends) {
    const time_point first = steady().now();
    detail::tick_plan plan(with_.every, with_.jitter, first);
    time_point due = next(plan, first);
    while (ends.wait_for(std::max(due - steady().now(), duration::zero()))) {
      tick(ends);
      due = next(plan, steady().now());
    }
    if (with_.at_the_end && !ends.forced()) tick(ends);
  }

  void account(component_report& out) const {
    const std::lock_guard held(mutex_);
    out.add("ticks", ticks_);
    if (skipped_ > 0) out.add("skipped", skipped_);
    if (failed_ > 0) out.add("failed", failed_);
    out.lost = forced_ || began_;
  }

  void measure(metrics& into) const {
    const std::lock_guard held(mutex_);
    into.histogram("lastcall_tick_seconds", "How long ticks took.", bounds, took_, seconds_);
    into.counter("lastcall_ticks_failed_total", "Ticks that threw.", failed_);
    into.counter("lastcall_ticks_skipped_total", "Ticks whose time passed while another was under way.", skipped_);
  }

  void in_progress(std::vector<work_item>& out, std::size_t limit) const {
    const std::lock_guard held(mutex_);
    if (began_ && out.size() < limit) out.push_back({.label = "tick", .age = steady().now() - *began_});
  }

 private:
  time_point next(detail::tick_plan& plan, time_point now) {
    const time_point due = plan.next(now, std::generate_canonical<double, 24>(random_));
    const std::lock_guard held(mutex_);
    skipped_ = plan.skipped();
    return due;
  }

  void tick(const context& ends) {
    {
      const std::lock_guard held(mutex_);
      began_ = steady().now();
    }
    const std::exception_ptr threw = exception_of([&] { with_.tick(ends); });
    std::optional<std::uint64_t> untold;
    {
      const std::lock_guard held(mutex_);
      const time_point now = steady().now();
      const double took = std::chrono::duration<double>(now - *began_).count();
      ++took_[static_cast<std::size_t>(std::ranges::lower_bound(bounds, took) - bounds.begin())];
      seconds_ += took;
      began_.reset();
      ++ticks_;
      if (threw) ++failed_;
      forced_ = ends.forced();
      if (threw) untold = failures_logged_.admit(now);
    }
    if (untold)
      log_.error(with_.name, "a tick threw", {{"error", to_text(threw)}, {"left_out", std::to_string(*untold)}});
  }

  const periodic_options with_;
  const logger log_;
  std::minstd_rand random_{std::random_device{}()};
  mutable std::mutex mutex_;  // guards the rest
  log_limit failures_logged_{1};
  std::optional<time_point> began_;  // empty: no tick is under way
  std::uint64_t ticks_ = 0, skipped_ = 0, failed_ = 0;
  std::array<std::uint64_t, bounds.size() + 1> took_{};
  double seconds_ = 0;
  bool forced_ = false;
};

}  // namespace

periodic::periodic(options with, app& owner) : periodic(std::move(with), owner.log(), &owner) {}
periodic::periodic(options with, logger log) : periodic(std::move(with), std::move(log), nullptr) {}

periodic::periodic(options&& with, logger log, app* owner) {
  if (with.name.empty()) with.name = "periodic";
  if (!with.tick) throw std::invalid_argument(with.name + ": tick is empty; give a function");
  const detail::option_check in(with.name);
  in.time_above_zero("every", with.every);
  in.time("jitter", with.jitter);
  if (with.jitter > with.every)
    throw std::invalid_argument(with.name + ": jitter = " + to_text(with.jitter) + "; give at most every, which is " +
                                to_text(with.every));
  const std::string name = with.name;
  const auto all = std::make_shared<ticks>(std::move(with), log);
  made_of(name,
          {.run = [all](const context& ends) { all->run(ends); },
           .account = [all](component_report& out) { all->account(out); },
           .measure = [all](metrics& into) { all->measure(into); },
           .in_progress = [all](std::vector<work_item>& out, std::size_t limit) { all->in_progress(out, limit); }},
          std::move(log), owner);
}

}  // namespace lastcall::inline v0
