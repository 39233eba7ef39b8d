#include "lastcall/core/lifecycle/lifecycle.hpp"

#include <algorithm>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/late_wake.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/lifecycle/verb_threads.hpp"

namespace lastcall::inline v0 {

constexpr duration time_for_verbs = std::chrono::milliseconds(10);  // for verbs to return before the plan's next moment

// Who owns what. The lifecycle owns the components, in `components_`, and the executor. Verbs touch only `shared_state`
// (lifecycle_state.hpp): each verb holds a shared_ptr to it, so it outlives a lifecycle that is destroyed while a verb
// hangs. A hanging component is not destroyed (lifecycle_destroy.cpp), so the pointers in the shared state stay valid.
//
// Threads and re-entrancy. One thread drives: it alone calls the functions of this class, except those that
// lifecycle.hpp marks for any thread. A verb never calls back into the lifecycle. It posts an event and wakes the
// driver, and the driver takes the events in `take_events`. With `inline_verbs` a verb runs inside `order_verb`, on the
// driver. Its event is still only posted, so no function here is entered a second time from inside itself.

lifecycle::lifecycle(const clock& time, logger log, std::shared_ptr<shutdown_requests> requests)
    : time_(time), log_(std::move(log)), requests_(std::move(requests)) {
  if (&time_ == &steady()) {
    verbs_ = std::make_unique<verb_threads>();
  } else {
    verbs_ = std::make_unique<inline_verbs>();
  }
}

lifecycle::~lifecycle() { destroy(); }

std::size_t lifecycle::add(std::string name, std::shared_ptr<component> object, std::vector<std::size_t> needed,
                           bool needed_by_all) {
  component_record& c = components_.emplace_back();
  c.name = std::move(name);
  c.object = std::move(object);
  c.needs = std::move(needed);
  c.needed_by_all = needed_by_all;
  return components_.size() - 1;
}

void lifecycle::add_running(std::string name, component& it) {
  component_record& c = components_[add(std::move(name), {std::shared_ptr<void>(), &it}, {})];
  c.report.start_ms = 0;
}

bool lifecycle::has(const std::string& name) const noexcept {
  return std::ranges::any_of(components_, [&](const component_record& c) { return c.name == name; });
}

std::vector<std::string> lifecycle::names() const {
  std::vector<std::string> all;
  for (const component_record& c : components_) all.push_back(c.name);
  return all;
}

bool lifecycle::verbs_under_way() const noexcept {
  return std::ranges::any_of(components_, [](const component_record& c) { return c.verbs.any_under_way(); });
}

void lifecycle::wait_for_verbs(time_point by) {
  for (take_events(); verbs_under_way() && time_.now() < by; take_events()) wait(by);
}

void lifecycle::announce() {
  if (announced()) return;
  phase_.store(app_phase::announced, std::memory_order_relaxed);
  for (std::size_t i = components_.size(); i-- > 0;)
    if (components_[i].running()) order_verb(i, verb::announce);
  take_events();
}

void lifecycle::maintain_verbs() {
  take_events();
  verbs_->check();
  if (!verbs_under_way()) verbs_->end_idle_threads();
}

// The plan has a node for each component that has started or is starting; the others are not part of the shutdown. The
// order of the nodes is that of the components, so needs come first.
void lifecycle::begin(shutdown_budget budget, time_point at, function<void(time_point)> deadline_moved) {
  arrange();
  take_events();
  deadline_moved_ = std::move(deadline_moved);
  requested_at_ = at;
  finished_at_ = at;
  next_log_line_ = at + log_interval;
  std::vector<std::vector<std::size_t>> graph;
  std::vector<bool> starting;
  for (std::size_t i = 0; i < components_.size(); ++i) {
    component_record& c = components_[i];
    if (!c.running() && !c.verbs.under_way(verb::start)) continue;
    c.plan_node = component_of_node_.size();
    component_of_node_.push_back(i);
    starting.push_back(!c.running());
    auto& needed = graph.emplace_back();
    for (const std::size_t need : c.needs)
      needed.push_back(*components_[need].plan_node);  // it has started, or this one could not
  }
  plan_.emplace(std::move(graph), budget, starting);
  const shutdown_plan::actions todo = plan_->request(at);
  // A component that is still starting learns of the shutdown from its context. Ending a context calls stop callbacks,
  // which are user code and may hang, so that is done on a verb's thread too.
  for (std::size_t i = 0; i < component_of_node_.size(); ++i)
    if (starting[i])
      verbs_->run([shared = shared_, node = component_of_node_[i],
                   end = plan_->drain_end()] { shared->entries[node].context.begin_drain(end); },
                  verb_executor::priority::urgent);
  carry_out(todo);
  take_events();
}

// The earliest of: the plan's next moment, the next check of the verbs' threads, the stacks, the log line.
std::optional<time_point> lifecycle::next_wake() const noexcept {
  std::optional<time_point> next = plan_ ? plan_->next_wake() : std::nullopt;
  if (next && (verbs_under_way() || plan_->force_began())) next = std::max(*next, next_tick_);
  const auto also = [&](time_point when) { next = std::min(next.value_or(when), when); };
  if (const auto check = verbs_->next_check()) also(*check);
  if (next && plan_ && !stacks_requested_) also(plan_->leaves_behind_at());
  if (next && std::ranges::any_of(components_, [this](const component_record& c) { return is_waited_for(c); }))
    also(progress_requested_ ? next_log_line_ : next_log_line_ - time_to_answer);
  return next;
}

void lifecycle::step() {
  take_events();
  if (requests_->forced()) {
    const time_point before = plan_->deadline();
    const shutdown_plan::actions todo = plan_->request_force(time_.now());
    if (deadline_moved_ && plan_->deadline() < before) deadline_moved_(plan_->deadline());
    carry_out(todo);
    take_events();
  }
  // While verbs are under way, the plan's moments are 10 ms apart at least, so that verbs that were just ordered can
  // return in between. The same after a force: a thread of the component's own may be about to say that it has drained.
  if (const auto due = plan_->next_wake();
      due && *due <= time_.now() && (time_.now() >= next_tick_ || !(verbs_under_way() || plan_->force_began()))) {
    carry_out(plan_->tick(time_.now()));
    take_events();
    next_tick_ = time_.now() + time_for_verbs;
  }
  if (!plan_->finished()) log_waiting(time_.now());
  if (!plan_->finished() && time_.now() >= plan_->leaves_behind_at()) request_stacks();
  verbs_->check();
}

// A pause is seen by the wake that comes after it, so not to the millisecond.
void lifecycle::woke_late(duration late) {
  if (late <= longest_lateness || &time_ != &steady()) return;
  not_running_ += late;
  const std::string lasted = to_text(std::chrono::floor<std::chrono::milliseconds>(late));
  const bool granted = plan_->grant_moment(time_.now());
  log_.write(granted ? log_level::warning : log_level::info, "app", "the process did not run, or its machine",
             {{"for", lasted}});
  if (granted && deadline_moved_) deadline_moved_(plan_->deadline());
}

// Waits for an event or `until`, and keeps the verbs' threads going meanwhile.
void lifecycle::wait(std::optional<time_point> until) {
  if (const auto check = verbs_->next_check()) until = std::min(until.value_or(*check), *check);
  requests_->driver_wakeup().wait(time_, until);
  verbs_->check();
}

void lifecycle::set_state(std::size_t index, component_state state) noexcept {
  shared_->entries[index].state.store(state, std::memory_order_release);  // pairs with the acquire in for_each_started
}

void lifecycle::log_and_report(log_level level, const std::string& text) {
  log_.write(level, "app", text);
  errors_.push_back(text);
}

double lifecycle::ms_since_request(time_point when) const noexcept { return to_ms(when - requested_at_); }

}  // namespace lastcall::inline v0
