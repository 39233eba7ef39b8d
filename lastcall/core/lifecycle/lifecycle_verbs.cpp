// Runs verbs on the executor, and takes their results in on the driver.
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {

constexpr std::size_t most_items = 10;  // of one component's work in progress

void lifecycle::order_verb(std::size_t index, verb what) {
  if (components_[index].verbs.order(what)) run_verb(index, what);
}

// The job runs on a verb's thread. It captures the shared state, never `this`: the lifecycle may be gone when it
// returns. It reads the component's address from there, which is valid, because a component with a verb under way is
// not destroyed. `force` during `start` only forces the context, since a component that has not started can't take its
// other verbs. And it waits for the answer to what the component is at, for a quarter of the time that is left at most:
// what it has cut is gone afterwards, and nobody could name it.
void lifecycle::run_verb(std::size_t index, verb what) {
  const bool only_context = what == verb::force && components_[index].verbs.under_way(verb::start);
  const time_point drain_end = plan_ ? plan_->drain_end() : time_point::max();
  const auto asked = what == verb::force ? components_[index].asked : nullptr;
  const time_point by = steady().now() + (plan_ ? (plan_->deadline() - time_.now()) / 4 : duration::zero());
  if (what == verb::account) components_[index].say_how_it_ended();
  verbs_->run([shared = shared_, index, what, only_context, drain_end, asked, by, report = components_[index].report] {
    shared_state::entry& e = shared->entries[index];
    verb_event it{.component = index, .what = what};
    const watched_thread here(e.name, "verb");
    const activity doing(to_text(what), e.name);
    if (what != verb::force) e.verb_began.store(shared->time.now(), std::memory_order_relaxed);
    try {
      // Ending a context runs stop callbacks, which are user code too, so it is part of the verb.
      switch (what) {
        case verb::start:
          e.object->start(e.context.get());
          break;
        case verb::announce:
          e.object->announce();
          break;
        case verb::drain:
          e.context.begin_drain(drain_end);
          e.object->drain(e.context.get(), [shared, index] { shared->post_drained(index); });
          break;
        case verb::force:
          if (asked) asked->wait_until(by);
          e.context.begin_drain(shared->time.now());  // no effect if its drain began earlier
          e.context.force();
          if (!only_context) e.object->force();
          break;
        case verb::stop:
          e.object->stop();
          break;
        case verb::account:
          e.account_began.store(true, std::memory_order_relaxed);
          it.report = report;
          e.object->account(it.report);
          break;
        case verb::in_progress:
        case verb::destroy:
        case verb::none:
          break;
      }
    } catch (const forced_unwind&) {  // a verb that is noexcept ends the process instead
      it.error = std::make_exception_ptr(thread_ended());
      shared->post(std::move(it));
      throw;
    } catch (...) {
      it.error = caught();
    }
    shared->post(std::move(it));
  });
}

// One question at a time for each component: one that hangs in its answer is not asked again.
void lifecycle::request_progress(std::size_t index, const std::shared_ptr<countdown>& answers) {
  if (!components_[index].verbs.order(verb::in_progress)) {  // it has not answered yet
    if (answers) answers->count_down();
    return;
  }
  verbs_->run([shared = shared_, index, answers] {
    verb_event it{.component = index, .what = verb::in_progress};
    shared->add_own_waits(index, it.progress);
    const auto answer = [&] {
      if (it.progress.size() > most_items) it.progress.resize(most_items);
      shared->post(std::move(it));
      if (answers) answers->count_down();
    };
    try {
      shared->entries[index].object->in_progress(it.progress, most_items);
    } catch (const forced_unwind&) {
      answer();
      throw;
    } catch (...) {
      static_cast<void>(caught());  // what it has added so far stays
    }
    answer();
  });
}

// Handling an event may order verbs, and with `inline_verbs` these post their events at once. So it repeats until no
// event is left.
void lifecycle::take_events() {
  if (!shared_) return;
  for (const auto* news = &shared_->take_events(); !news->empty(); news = &shared_->take_events())
    for (const verb_event& it : *news) handle_event(it);
}

// First the verb is over and the next one begins, then the plan is told. The order matters: what the plan orders in
// answer comes after the verbs that were waiting already.
void lifecycle::handle_event(const verb_event& it) {
  component_record& c = components_[it.component];
  if (const verb next = c.verbs.returned(it.what); next != verb::none) run_verb(it.component, next);
  switch (it.what) {
    case verb::none:  // the component has called `done`
      if (c.report.drained_ms) return;
      c.report.drained_ms = ms_since_request(it.at);
      return carry_out(plan_->drained(*c.plan_node, time_.now()));
    case verb::in_progress:
      c.progress = it.progress;
      return;
    case verb::start:
      if (!it.error) c.report.start_ms = to_ms(it.at - shared_->entries[it.component].verb_began.load());
      return start_returned(it);
    case verb::drain:
      if (!it.error) return;
      log_and_report(log_level::error, c.name + ": drain: " + to_text(it.error));
      if (c.report.drained_ms) return;
      if (!c.report.forced_ms) force_component(it.component);
      shared_->post_drained(it.component);
      return;
    case verb::stop:
      set_state(it.component, component_state::stopped);
      c.report.stopped_ms = ms_since_request(it.at);
      if (!c.account_taken) order_verb(it.component, verb::account);  // now: at the end time may be short
      return carry_out(plan_->stopped(*c.plan_node, time_.now()));
    case verb::account:
      c.report.connections = it.report.connections;
      c.report.requests = it.report.requests;
      c.report.fields = it.report.fields;
      c.report.lost = it.report.lost;
      c.report.failed = it.report.failed;
      c.account_taken = true;
      if (it.error) log_and_report(log_level::error, c.name + ": account: " + to_text(it.error));
      return;
    case verb::announce:
    case verb::force:
    case verb::destroy:
      return;
  }
}

}  // namespace lastcall::inline v0
