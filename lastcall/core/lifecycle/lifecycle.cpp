#include "lastcall/core/lifecycle/lifecycle.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/drain_chains.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/lifecycle/verb_threads.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {

namespace {

/// For the rest of the process. Still reachable, so that no leak checker takes it for an oversight.
void leave_behind(std::unique_ptr<component> it) {
  static std::mutex mutex;
  static auto& all = *new std::vector<component*>;
  const std::lock_guard lock(mutex);
  all.push_back(it.release());
}

constexpr std::size_t most_items = 10;  // of what one component is at work on
constexpr duration line_every = std::chrono::seconds(1);
constexpr duration time_to_ask = std::chrono::milliseconds(60);  // for a line: they may ask their own threads
constexpr duration verb_time = std::chrono::milliseconds(10);    // for verbs to return before the plan's next moment

}  // namespace

lifecycle::lifecycle(const clock& time, logger log, std::shared_ptr<shutdown_requests> in)
    : time_(time), log_(std::move(log)), requests_(std::move(in)) {
  if (&time_ == &steady()) {
    verbs_ = std::make_unique<verb_threads>();
  } else {
    verbs_ = std::make_unique<inline_verbs>();
  }
}

lifecycle::~lifecycle() { destroy(); }

bool lifecycle::verbs_under_way() const noexcept {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const slot& s) { return s.inside != verb::none || s.forcing || s.asked_progress; });
}

bool lifecycle::threads_inside() const noexcept {
  return verbs_under_way() ||
         std::any_of(slots_.begin(), slots_.end(), [](const slot& s) { return !s.report.stack.empty(); });
}

void lifecycle::destroy() noexcept {
  std::vector<bool> stays(slots_.size(), false);
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slot& s = slots_[i];
    if (s.runs || s.inside != verb::none || s.forcing || s.asked_progress) stays[i] = true;
    if (stays[i]) {
      for (const std::size_t need : s.needs) stays[need] = true;
      leave_behind(std::move(s.it));
      continue;
    }
    where_.enter(verb::destroy, i);
    if (shared_ && s.it) {
      const detail::semaphore_hold alone(shared_->asking, shared_state::longest_asking);
      if (!alone) {  // somebody is still asking, and we can't know whom
        log_.error("app", "somebody does not return from measure() or in_progress(); what is left stays in memory");
        for (std::size_t k = 0; k <= i; ++k)
          if (slots_[k].it) leave_behind(std::move(slots_[k].it));
        break;
      }
      shared_->entries[i].it = nullptr;
    }
    s.it.reset();  // users before what they need
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
  if (shared_) return;
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
  const auto made = std::make_shared<shared_state>(requests_, time_, slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    made->entries[i].it = slots_[i].it.get();
    made->entries[i].name = slots_[i].name;
  }
  shared_ = made;
}

std::pair<std::string, duration> lifecycle::longest(duration shutdown_times::* which) const {
  std::vector<std::vector<std::size_t>> graph;
  std::vector<duration> takes;
  for (const slot& s : slots_) {
    graph.push_back(s.needs);
    takes.push_back(std::clamp(s.it->times().*which, duration::zero(), deadline::longest));
  }
  const drain_chain chain = longest_chain(graph, takes);
  std::string text;
  for (const std::size_t node : chain.nodes) {
    if (takes[node] == duration::zero()) continue;
    text.append(text.empty() ? "" : " + ").append(slots_[node].name).append(" ").append(to_text(takes[node]));
  }
  return {text, chain.takes};
}

bool lifecycle::has(const std::string& name) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [&](const slot& s) { return s.name == name; });
}

std::vector<std::string> lifecycle::names() const {
  std::vector<std::string> all;
  for (const slot& s : slots_) all.push_back(s.name);
  return all;
}

lifecycle::start_result lifecycle::start(const function<void()>& meanwhile) {
  arrange();
  const time_point from = time_.now();
  for (slot& s : slots_) s.unstarted_needs = s.needs.size();
  unstarted_ = slots_.size();
  starting_ = true;
  const auto goes_on = [this] { return unstarted_ > 0 && !failure_ && requests_->asked() == nullptr; };
  for (std::size_t i = 0; i < slots_.size() && goes_on(); ++i) {
    if (slots_[i].unstarted_needs == 0) let_start(i);
    if (&time_ != &steady()) take_in();  // it has run already. With threads all that need nothing begin first
  }
  take_in();
  for (; goes_on(); take_in()) {
    if (meanwhile) meanwhile();
    wait(std::nullopt);
  }
  starting_ = false;
  start_ms_ = to_ms(time_.now() - from);
  if (requests_->asked() != nullptr) return start_result::interrupted;
  if (failure_) return start_result::failed;
  verbs_->rest();
  phase_.store(app_phase::serving, std::memory_order_relaxed);
  started_.store(true, std::memory_order_release);
  return start_result::started;
}

void lifecycle::let_start(std::size_t index) {
  if (slots_[index].inside != verb::none || slots_[index].runs) return;
  enter(index, component_state::starting);
  order(index, verb::start);
}

void lifecycle::started_one(const happening& it) {
  slot& s = slots_[it.component];
  if (it.error) {
    enter(it.component, component_state::failed);
    const std::string why = "component \"" + s.name + "\" failed to start: " + to_text(it.error);
    if (plan_ || failure_ || requests_->asked() != nullptr) {
      note(log_level::info, "start ended by the shutdown: " + why);
    } else {
      try {
        try {
          std::rethrow_exception(it.error);
        } catch (...) {
          std::throw_with_nested(std::runtime_error(why));
        }
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
    // Whatever it has handed the context to shall not wait for more.
    verbs_->run([b = shared_, i = it.component] { b->entries[i].ends.force(); });
    if (plan_ && s.in_plan) carry_out(plan_->start_failed(*s.in_plan, time_.now()));
    return;
  }
  s.runs = true;
  --unstarted_;
  enter(it.component, component_state::running);
  if (plan_ && s.in_plan) return carry_out(plan_->started(*s.in_plan, time_.now()));
  for (std::size_t i = it.component + 1; i < slots_.size(); ++i) {
    const auto& needed = slots_[i].needs;
    if (!std::binary_search(needed.begin(), needed.end(), it.component)) continue;
    if (--slots_[i].unstarted_needs == 0 && starting_ && !failure_ && requests_->asked() == nullptr) let_start(i);
  }
}

void lifecycle::announce() {
  if (std::exchange(announced_, true)) return;
  phase_.store(app_phase::announced, std::memory_order_relaxed);
  for (std::size_t i = slots_.size(); i-- > 0;)
    if (slots_[i].runs) order(i, verb::announce);
  take_in();
}

void lifecycle::look_after_verbs() {
  take_in();
  verbs_->look();
  if (!verbs_under_way()) verbs_->rest();
}

void lifecycle::begin(shutdown_budget budget, time_point at, function<void(time_point)> deadline_nearer) {
  take_in();
  deadline_nearer_ = std::move(deadline_nearer);
  asked_at_ = at;
  finished_at_ = at;
  next_line_ = at + line_every;
  std::vector<std::vector<std::size_t>> graph;
  std::vector<bool> starting;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = slots_[i];
    if (!s.runs && s.inside != verb::start) continue;
    s.in_plan = of_plan_.size();
    of_plan_.push_back(i);
    starting.push_back(!s.runs);
    auto& needed = graph.emplace_back();
    for (const std::size_t need : s.needs) needed.push_back(*slots_[need].in_plan);  // has started, or this could not
  }
  plan_.emplace(std::move(graph), budget, starting);
  phase_.store(app_phase::announced, std::memory_order_relaxed);
  const shutdown_plan::actions todo = plan_->request(at);
  publish_times();
  reserve_ = budget.reserve;
  stacks_at_ = plan_->drain_end() + reserve_ / 2;
  for (std::size_t i = 0; i < of_plan_.size(); ++i)
    if (starting[i])
      verbs_->run(
          [b = shared_, node = of_plan_[i], end = plan_->drain_end()] { b->entries[node].ends.begin_drain(end); },
          verb_executor::priority::urgent);
  carry_out(todo);
  take_in();
}

std::optional<time_point> lifecycle::next_wake() const noexcept {
  std::optional<time_point> next = plan_ ? plan_->next_wake() : std::nullopt;
  if (next && (verbs_under_way() || cut_at_)) next = std::max(*next, next_tick_);
  const auto also = [&](time_point when) { next = std::min(next.value_or(when), when); };
  if (const auto look = verbs_->next_look()) also(*look);
  if (next && plan_ && !stacks_asked_) also(stacks_at_);
  if (next && std::any_of(slots_.begin(), slots_.end(), [this](const slot& s) { return waited_for(s); }))
    also(progress_asked_ ? next_line_ : next_line_ - time_to_ask);
  return next;
}

void lifecycle::step() {
  take_in();
  if (requests_->forced() && !std::exchange(force_passed_on_, true)) {
    const shutdown_plan::actions todo = plan_->request_force(time_.now());
    publish_times();
    stacks_at_ = plan_->drain_end() + reserve_ / 2;
    if (deadline_nearer_) deadline_nearer_(plan_->deadline());
    carry_out(todo);
    take_in();
  }
  // Not only verbs: what was just forced may be a thread of the component's own, which is to say that it has drained.
  if (const auto due = plan_->next_wake();
      due && *due <= time_.now() && (time_.now() >= next_tick_ || !(verbs_under_way() || cut_at_))) {
    carry_out(plan_->tick(time_.now()));
    take_in();
    next_tick_ = time_.now() + verb_time;
  }
  if (!plan_->finished()) tell_what_is_waited_for(time_.now());
  if (!plan_->finished() && time_.now() >= stacks_at_) ask_where_threads_stand();
  verbs_->look();
}

void lifecycle::wait(std::optional<time_point> until) {
  if (const auto look = verbs_->next_look()) until = std::min(until.value_or(*look), *look);
  requests_->driver().wait(time_, until);
  verbs_->look();
}

// --- verbs

void lifecycle::order(std::size_t index, verb what) {
  slot& s = slots_[index];
  if (what == verb::force) {
    s.forcing = true;
    return submit(index, what);
  }
  const bool waits = s.inside != verb::none || !s.next.empty() || (what == verb::stop && s.forcing);
  if (waits) return s.next.push_back(what);
  s.inside = what;
  submit(index, what);
}

void lifecycle::submit(std::size_t index, verb what) {
  const bool only_context = what == verb::force && slots_[index].inside == verb::start;
  const time_point drain_end = plan_ ? plan_->drain_end() : time_point::max();
  verbs_->run([b = shared_, index, what, only_context, drain_end, report = slots_[index].report] {
    shared_state::entry& e = b->entries[index];
    position& at = what == verb::force ? e.force_at : e.at;
    happening it{.component = index, .what = what};
    const watched_thread here(e.name, "verb");
    const activity doing(to_text(what), e.name);
    at.enter(what, b->time.now());
    try {
      switch (what) {
        case verb::start:
          e.it->start(e.ends.get());
          break;
        case verb::announce:
          e.it->announce();
          break;
        case verb::drain:
          e.ends.begin_drain(drain_end);
          e.it->drain(e.ends.get(), [b, index] {
            if (!b->entries[index].drained.exchange(true, std::memory_order_acq_rel)) b->tell({.component = index});
          });
          break;
        case verb::force:
          e.ends.begin_drain(b->time.now());  // unless it has: by this clock
          e.ends.force();
          if (!only_context) e.it->force();
          break;
        case verb::stop:
          e.it->stop();
          break;
        case verb::account:
          e.accounts.store(true, std::memory_order_relaxed);
          it.report = report;
          e.it->account(it.report);
          break;
        case verb::in_progress:
        case verb::destroy:
        case verb::none:
          break;
      }
    } catch (...) {
      it.error = std::current_exception();
    }
    at.leave();
    b->tell(std::move(it));
  });
}

void lifecycle::ask_for_account(std::size_t index) {
  slot& s = slots_[index];
  if (std::exchange(s.asked_account, true)) return;
  if (s.inside == verb::none) s.inside = verb::account;
  submit(index, verb::account);
}

void lifecycle::ask_for_progress(std::size_t index) {
  slot& s = slots_[index];
  if (std::exchange(s.asked_progress, true)) return;  // it has not answered yet
  verbs_->run([b = shared_, index] {
    happening it{.component = index, .what = verb::in_progress};
    try {
      b->add_own_waits(index, it.progress);
      b->entries[index].it->in_progress(it.progress, most_items);
    } catch (...) {
      // What it has added so far stays.
    }
    if (it.progress.size() > most_items) it.progress.resize(most_items);
    b->tell(std::move(it));
  });
}

void lifecycle::take_in() {
  if (!shared_) return;
  for (auto news = shared_->take(); !news.empty(); news = shared_->take())
    for (const happening& it : news) returned(it);
}

void lifecycle::returned(const happening& it) {
  slot& s = slots_[it.component];
  switch (it.what) {
    case verb::none:  // it has drained
      if (s.report.drained_ms) return;
      s.report.drained_ms = since_request(it.at);
      s.report.drained = !s.report.forced;
      if (!cut_at_) last_drained_ = it.at;
      return carry_out(plan_->drained(*s.in_plan, time_.now()));
    case verb::in_progress:
      s.asked_progress = false;
      s.progress = it.progress;
      return;
    case verb::force:
      s.forcing = false;
      break;
    case verb::account:
      if (s.inside == verb::account) s.inside = verb::none;  // one that hangs is inside of another verb
      break;
    default:
      s.inside = verb::none;
  }
  if (s.inside == verb::none && !s.next.empty() && !(s.next.front() == verb::stop && s.forcing)) {
    s.inside = s.next.front();
    s.next.erase(s.next.begin());
    submit(it.component, s.inside);
  }
  switch (it.what) {
    case verb::start:
      if (!it.error) s.report.start_ms = to_ms(it.at - shared_->entries[it.component].at.since());
      return started_one(it);
    case verb::drain:
      if (!it.error) return;
      note(log_level::error, s.name + ": drain: " + to_text(it.error));
      if (s.report.drained_ms) return;
      if (!s.report.forced) force_one(it.component);
      has_drained(it.component);
      return;
    case verb::stop:
      s.runs = false;
      enter(it.component, component_state::stopped);
      s.report.stopped = true;
      s.report.stopped_ms = since_request(it.at);
      ask_for_account(it.component);  // now rather than when all is over, and time may be short
      return carry_out(plan_->stopped(*s.in_plan, time_.now()));
    case verb::account:
      s.report.connections = it.report.connections;
      s.report.requests = it.report.requests;
      s.report.fields = it.report.fields;
      s.report.lost = it.report.lost;
      s.report.failed = it.report.failed;
      s.reported = true;
      if (it.error) note(log_level::error, s.name + ": account: " + to_text(it.error));
      return;
    default:
      return;
  }
}

// --- the plan

void lifecycle::carry_out(const shutdown_plan::actions& todo) {
  for (const shutdown_plan::action& next : todo) std::visit([&](const auto& it) { carry_out_one(it); }, next);
}

void lifecycle::carry_out_one(const shutdown_plan::announce& it) {
  if (slots_[of_plan_[it.node]].runs) order(of_plan_[it.node], verb::announce);
}

void lifecycle::carry_out_one(const shutdown_plan::drain& it) {
  const std::size_t index = of_plan_[it.node];
  enter(index, component_state::draining);
  phase_.store(app_phase::draining, std::memory_order_relaxed);
  const time_point now = time_.now();
  if (!first_drain_) first_drain_ = now;
  slots_[index].report.drain_began_ms = since_request(now);
  order(index, verb::drain);
}

void lifecycle::carry_out_one(const shutdown_plan::force& it) {
  const std::size_t index = of_plan_[it.node];
  if (!cut_at_) cut_at_ = time_.now();
  phase_.store(app_phase::forcing, std::memory_order_relaxed);
  if (slots_[index].report.forced) return;
  ask_for_progress(index);  // before it is cut, or nobody would know what was
  force_one(index);
}

void lifecycle::force_one(std::size_t index) {
  slot& s = slots_[index];
  enter(index, component_state::forced);
  s.report.forced = true;
  s.report.forced_ms = since_request(time_.now());
  // A drain that has not begun by now does not begin, and so nobody else can say that it is over.
  const auto waiting = std::remove(s.next.begin(), s.next.end(), verb::drain);
  const bool never_drains = waiting != s.next.end();
  s.next.erase(waiting, s.next.end());
  order(index, verb::force);
  if (never_drains) has_drained(index);
}

void lifecycle::has_drained(std::size_t index) {
  if (!shared_->entries[index].drained.exchange(true, std::memory_order_acq_rel)) shared_->tell({.component = index});
}

void lifecycle::carry_out_one(const shutdown_plan::stop& it) { order(of_plan_[it.node], verb::stop); }

void lifecycle::carry_out_one(const shutdown_plan::hung& it) {
  const std::size_t index = of_plan_[it.node];
  slot& s = slots_[index];
  s.report.hung = true;
  const verb in = s.inside != verb::none ? s.inside : s.forcing ? verb::force : verb::none;
  if (in != verb::none) s.report.hung_in = to_text(in);
  if (in != verb::none && where_.at().in == verb::none) where_.enter(in, index);  // should the report not be in time
  enter(index, component_state::hung);
  log_.error("app", "component hangs", {{"component", s.name}, {"in", in == verb::none ? "its drain" : to_text(in)}});
}

void lifecycle::carry_out_one(const shutdown_plan::finish&) {
  finished_at_ = time_.now();
  phase_.store(app_phase::over, std::memory_order_relaxed);
}

bool lifecycle::waited_for(const slot& s) const noexcept {
  return s.inside != verb::none || s.forcing || (s.report.drain_began_ms && !s.report.drained_ms);
}

void lifecycle::tell_what_is_waited_for(time_point now) {
  if (now < next_line_ - time_to_ask) return;
  if (!std::exchange(progress_asked_, true) && !cut_at_) {  // afterwards what was cut then is what counts
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (waited_for(slots_[i])) ask_for_progress(i);
    take_in();
  }
  if (now < next_line_) return;
  progress_asked_ = false;
  next_line_ += line_every;
  if (now >= next_line_) next_line_ = now + line_every;  // the driver itself was held up
  std::string who;
  for (const slot& s : slots_) {
    if (!waited_for(s)) continue;
    if (!who.empty()) who += "; ";
    who += s.name;
    for (std::size_t i = 0; i < std::min<std::size_t>(s.progress.size(), 3); ++i) {
      const work_item& w = s.progress[i];
      who.append(i == 0 ? ": " : ", ").append(w.label);
      if (!w.remote.empty()) who.append(" for ").append(w.remote);
      who.append(" (").append(to_text(std::chrono::floor<std::chrono::milliseconds>(w.age)));
      if (!w.waits_for.empty()) who.append("; waits for ").append(w.waits_for);
      who += ')';
    }
  }
  if (who.empty()) return;
  const auto left = std::max(plan_->drain_end() - now, duration::zero());
  log_.info("app", "waiting",
            {{"for", who}, {"until_force", to_text(std::chrono::floor<std::chrono::milliseconds>(left))}});
}

void lifecycle::enter(std::size_t index, component_state state) noexcept {
  shared_->entries[index].state.store(state, std::memory_order_release);  // with the acquire of who asks it
}

void lifecycle::publish_times() noexcept {
  drain_end_.store(plan_->drain_end(), std::memory_order_relaxed);
  deadline_.store(plan_->deadline(), std::memory_order_relaxed);
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
