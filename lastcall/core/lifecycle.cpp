#include "lastcall/core/lifecycle.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::inline v0 {

namespace {

/// For the rest of the process. Still reachable, so that no leak checker takes it for an oversight.
void leave_behind(std::unique_ptr<component> it) {
  static std::mutex mutex;
  static auto& all = *new std::vector<component*>;
  const std::lock_guard lock(mutex);
  all.push_back(it.release());
}

}  // namespace

// Where `drained` callbacks leave their mark. Shared with them, since they may come when everything else is gone.
struct lifecycle::marks {
  marks(std::shared_ptr<inbox> in, std::size_t count)
      : wakes(std::move(in)), drained(std::make_unique<std::atomic<bool>[]>(count)) {}

  std::shared_ptr<inbox> wakes;
  std::unique_ptr<std::atomic<bool>[]> drained;
};

// Does, while the driving thread is inside of a component's start, what that thread would do otherwise. Contexts of
// components that have yet to start drain along with the one that is starting: they will not start any more.
class lifecycle::start_watch {
 public:
  start_watch(lifecycle& of, duration until_force, const function<void()>& asked)
      : of_(of), until_force_(until_force), asked_(asked), thread_([this] { run(); }) {}
  ~start_watch() {
    over_.store(true);
    of_.inbox_->start_watch().ring();
    thread_.join();
  }
  start_watch(const start_watch&) = delete;
  start_watch& operator=(const start_watch&) = delete;

 private:
  void run() {
    const inbox& in = *of_.inbox_;
    const auto wait = [&](std::optional<time_point> until) { in.start_watch().wait(of_.time_, until); };
    while (in.asked() == nullptr) {
      if (over_.load()) return;
      wait(std::nullopt);
    }
    asked_();
    const time_point force_at = in.asked()->at + until_force_;
    for_the_unstarted([&](slot& s) { s.ends.begin_drain(force_at); });
    while (!in.forced() && of_.time_.now() < force_at) {
      if (over_.load()) return;
      wait(force_at);
    }
    for_the_unstarted([](slot& s) { s.ends.force(); });
  }

  template <class F> void for_the_unstarted(F f) {
    for (std::size_t i = of_.where_.at().component; i < of_.slots_.size() && !over_.load(); ++i) f(of_.slots_[i]);
  }

  lifecycle& of_;
  const duration until_force_;
  const function<void()>& asked_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

lifecycle::lifecycle(const clock& time, logger log, std::shared_ptr<inbox> in)
    : time_(time), log_(std::move(log)), inbox_(std::move(in)) {}

void lifecycle::destroy() noexcept {
  std::vector<bool> stays(slots_.size(), false);
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slot& s = slots_[i];
    if (s.runs) stays[i] = true;
    if (stays[i]) {
      for (const std::size_t need : s.needs) stays[need] = true;
      leave_behind(std::move(s.it));
    }
    where_.enter(verb::destroy, i);
    std::unique_ptr<component> gone;
    {
      const std::lock_guard lock(measuring_);
      gone = std::move(s.it);
    }
    gone.reset();  // users before what they need
  }
  where_.leave();
}

std::size_t lifecycle::add(std::string name, std::unique_ptr<component> it, std::vector<std::size_t> stands_on,
                           bool needed_by_all) {
  slot& s = slots_.emplace_back();
  s.name = std::move(name);
  s.it = std::move(it);
  s.needs = std::move(stands_on);
  s.needed_by_all = needed_by_all;
  return slots_.size() - 1;
}

void lifecycle::arrange() {
  if (states_) return;
  states_ = std::make_unique<std::atomic<component_state>[]>(slots_.size());
  std::vector<bool> in_front(slots_.size(), false);
  for (std::size_t i = slots_.size(); i-- > 0;) {
    if (slots_[i].needed_by_all) in_front[i] = true;
    if (!in_front[i]) continue;
    for (const std::size_t need : slots_[i].needs) in_front[need] = true;
  }
  std::vector<slot> sorted;
  std::vector<std::size_t> moved_to(slots_.size());
  std::vector<std::size_t> for_all;
  for (const bool front : {true, false}) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (in_front[i] != front) continue;
      moved_to[i] = sorted.size();
      slot& s = sorted.emplace_back(std::move(slots_[i]));
      for (std::size_t& need : s.needs) need = moved_to[need];
      if (s.needed_by_all) for_all.push_back(moved_to[i]);
      if (!front) s.needs.insert(s.needs.end(), for_all.begin(), for_all.end());
      std::sort(s.needs.begin(), s.needs.end());
      s.needs.erase(std::unique(s.needs.begin(), s.needs.end()), s.needs.end());
    }
  }
  slots_ = std::move(sorted);
}

bool lifecycle::has(const std::string& name) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [&](const slot& s) { return s.name == name; });
}

std::vector<std::string> lifecycle::names() const {
  std::vector<std::string> all;
  for (const slot& s : slots_) all.push_back(s.name);
  return all;
}

lifecycle::start_result lifecycle::start(duration until_force, const function<void()>& asked) {
  arrange();
  const time_point from = time_.now();
  try {
    const start_watch watch(*this, until_force, asked);
    for (; begun_ < slots_.size() && inbox_->asked() == nullptr; ++begun_) start_one(begun_);
  } catch (...) {
    failure_ = std::current_exception();
  }
  where_.leave();
  start_ms_ = to_ms(time_.now() - from);
  if (inbox_->asked() != nullptr) {
    if (failure_) note(log_level::info, "start ended by the shutdown: " + to_text(failure_));
    return start_result::interrupted;
  }
  if (failure_) return start_result::failed;
  phase_.store(app_phase::serving, std::memory_order_relaxed);
  started_.store(true, std::memory_order_release);
  return start_result::started;
}

void lifecycle::start_one(std::size_t index) {
  slot& s = slots_[index];
  where_.enter(verb::start, index);
  enter(index, component_state::starting);
  const time_point from = time_.now();
  try {
    s.it->start(s.ends.get());
  } catch (...) {
    enter(index, component_state::failed);
    s.ends.force();  // whatever it has handed the context to shall not wait for more
    std::throw_with_nested(
        std::runtime_error("component \"" + s.name + "\" failed to start: " + to_text(std::current_exception())));
  }
  s.account.start_ms = to_ms(time_.now() - from);
  s.runs = true;
  enter(index, component_state::running);
}

void lifecycle::announce() {
  if (std::exchange(announced_, true)) return;
  phase_.store(app_phase::announced, std::memory_order_relaxed);
  for (std::size_t i = begun_; i-- > 0;) {
    where_.enter(verb::announce, i);
    slots_[i].it->announce();
  }
  where_.leave();
}

void lifecycle::begin(shutdown_budget budget, time_point at, function<void(time_point)> deadline_nearer) {
  deadline_nearer_ = std::move(deadline_nearer);
  asked_at_ = at;
  finished_at_ = at;
  marks_ = std::make_shared<marks>(inbox_, begun_);
  std::vector<std::vector<std::size_t>> needs;
  for (std::size_t i = 0; i < begun_; ++i) needs.push_back(slots_[i].needs);
  plan_.emplace(std::move(needs), budget);
  phase_.store(app_phase::announced, std::memory_order_relaxed);
  shutdown_plan::actions todo = plan_->request(at);
  publish_times();
  carry_out(std::move(todo));
}

void lifecycle::step() {
  for (std::size_t i = 0; i < begun_; ++i) {
    component_report& account = slots_[i].account;
    if (account.drained_ms || !marks_->drained[i].load(std::memory_order_acquire)) continue;
    const time_point now = time_.now();
    account.drained_ms = since_request(now);
    account.drained = !account.forced;
    if (!cut_at_) last_drained_ = now;
    carry_out(plan_->drained(i, now));
  }
  if (inbox_->forced() && !std::exchange(force_passed_on_, true)) {
    shutdown_plan::actions todo = plan_->request_force(time_.now());
    publish_times();
    if (deadline_nearer_) deadline_nearer_(plan_->deadline());
    carry_out(std::move(todo));
  }
  carry_out(plan_->tick(time_.now()));
}

void lifecycle::carry_out(shutdown_plan::actions todo) {
  for (std::size_t i = 0; i < todo.size(); ++i) {
    const shutdown_plan::action next = todo[i];  // a copy: a stop appends what it sets free
    std::visit([&](const auto& it) { carry_out_one(it, todo); }, next);
    where_.leave();
  }
}

void lifecycle::carry_out_one(const shutdown_plan::announce& it, shutdown_plan::actions&) {
  where_.enter(verb::announce, it.node);
  slots_[it.node].it->announce();
}

void lifecycle::carry_out_one(const shutdown_plan::drain& it, shutdown_plan::actions&) {
  slot& s = slots_[it.node];
  where_.enter(verb::drain, it.node);
  enter(it.node, component_state::draining);
  phase_.store(app_phase::draining, std::memory_order_relaxed);
  const time_point now = time_.now();
  if (!first_drain_) first_drain_ = now;
  s.account.drain_began_ms = since_request(now);
  s.ends.begin_drain(it.drain_end);
  try {
    s.it->drain(s.ends.get(), [marks = marks_, index = it.node] {
      if (marks->drained[index].exchange(true, std::memory_order_release)) return;
      marks->wakes->driver().ring();
    });
  } catch (...) {
    note(log_level::error, s.name + ": drain: " + to_text(std::current_exception()));
    if (!marks_->drained[it.node].load(std::memory_order_acquire)) force_one(it.node);
    marks_->drained[it.node].store(true, std::memory_order_release);
  }
}

void lifecycle::carry_out_one(const shutdown_plan::force& it, shutdown_plan::actions&) {
  if (!cut_at_) cut_at_ = time_.now();
  phase_.store(app_phase::forcing, std::memory_order_relaxed);
  if (!slots_[it.node].account.forced) force_one(it.node);
}

void lifecycle::force_one(std::size_t index) {
  slot& s = slots_[index];
  where_.enter(verb::force, index);
  enter(index, component_state::forced);
  s.account.forced = true;
  s.account.forced_ms = since_request(time_.now());
  s.ends.force();
  s.it->force();
}

void lifecycle::carry_out_one(const shutdown_plan::stop& it, shutdown_plan::actions& more) {
  slot& s = slots_[it.node];
  where_.enter(verb::stop, it.node);
  s.it->stop();
  const time_point now = time_.now();
  s.runs = false;
  enter(it.node, component_state::stopped);
  s.account.stopped = true;
  s.account.stopped_ms = since_request(now);
  for (auto& next : plan_->stopped(it.node, now)) more.push_back(std::move(next));
}

void lifecycle::carry_out_one(const shutdown_plan::hung& it, shutdown_plan::actions&) {
  slots_[it.node].account.hung = true;
  enter(it.node, component_state::hung);
  log_.error("app", "component hangs", {{"component", slots_[it.node].name}});
}

void lifecycle::carry_out_one(const shutdown_plan::finish&, shutdown_plan::actions&) {
  finished_at_ = time_.now();
  phase_.store(app_phase::over, std::memory_order_relaxed);
}

void lifecycle::enter(std::size_t index, component_state state) noexcept {
  states_[index].store(state, std::memory_order_relaxed);
}

void lifecycle::publish_times() noexcept {
  drain_end_.store(plan_->drain_end(), std::memory_order_relaxed);
  deadline_.store(plan_->deadline(), std::memory_order_relaxed);
}

app_status lifecycle::status() const {
  app_status s{.phase = phase_.load(std::memory_order_relaxed)};
  const time_point now = time_.now();
  const auto until = [now](time_point when) -> std::optional<duration> {
    if (when == time_point::max()) return std::nullopt;
    return std::max(when - now, duration::zero());
  };
  s.until_force = until(drain_end_.load(std::memory_order_relaxed));
  s.left = until(deadline_.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < slots_.size(); ++i)
    s.components.push_back(
        {.name = slots_[i].name, .state = states_ ? states_[i].load(std::memory_order_relaxed) : component_state{}});
  return s;
}

void lifecycle::measure(metrics& into) const {
  const std::lock_guard lock(measuring_);
  for (std::size_t i = 0; states_ && i < slots_.size(); ++i) {
    const component_state state = states_[i].load(std::memory_order_relaxed);
    if (!slots_[i].it || state <= component_state::starting || state == component_state::failed) continue;
    into.of_component(slots_[i].name);
    try {
      slots_[i].it->measure(into);
    } catch (...) {
      // What it has added so far stays.
    }
  }
  into.of_component({});
}

void lifecycle::fill(report& out) {
  out.start_ms = start_ms_;
  const time_point drain_begins = first_drain_.value_or(cut_at_.value_or(finished_at_));
  const time_point drain_ends = std::max(drain_begins, cut_at_.value_or(last_drained_.value_or(finished_at_)));
  out.readiness_ms = to_ms(drain_begins - asked_at_);
  out.drain_ms = to_ms(drain_ends - drain_begins);
  out.stop_ms = to_ms(finished_at_ - drain_ends);
  out.total_ms = to_ms(finished_at_ - asked_at_);
  bool cut = false;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = slots_[i];
    if (s.account.start_ms) {
      where_.enter(verb::account, i);
      try {
        s.it->account(s.account);
      } catch (...) {
        note(log_level::error, s.name + ": account: " + to_text(std::current_exception()));
      }
      where_.leave();
    }
    s.account.name = s.name;
    cut = cut || s.account.cut();
    out.components.push_back(s.account);
  }
  out.errors.insert(out.errors.end(), errors_.begin(), errors_.end());
  out.outcome = !out.hung().empty() ? outcome::hung : cut ? outcome::forced : outcome::graceful;
}

void lifecycle::note(log_level level, const std::string& text) {
  log_.write(level, "app", text);
  errors_.push_back(text);
}

double lifecycle::since_request(time_point when) const noexcept { return to_ms(when - asked_at_); }

std::string to_text(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace lastcall::inline v0
