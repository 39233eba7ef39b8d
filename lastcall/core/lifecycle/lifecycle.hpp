// Carries out the shutdown plan: owns the components, calls their verbs, notes what happened. Decides nothing
// (shutdown_plan.hpp) and waits for nothing: whoever drives it waits on the shutdown_requests and steps.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/driver_position.hpp"
#include "lastcall/core/lifecycle/shutdown_plan.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/lifecycle/verb_executor.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/app_status.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/work_item.hpp"

namespace lastcall::inline v0 {

/// Threads: one drives it; `started()`, `where()`, `status()` and `measure()` are for any, the last two from the start
/// on. With a clock other than steady() verbs run where they are ordered, so that a run is the same each time.
class lifecycle {
 public:
  /// Both outlive it, but for what verbs that hang touch: that is shared with them and lives as long as they do.
  lifecycle(const clock& time, logger log, std::shared_ptr<shutdown_requests> in);
  ~lifecycle();
  lifecycle(const lifecycle&) = delete;
  lifecycle& operator=(const lifecycle&) = delete;

  /// `stands_on` are indices of earlier ones. Returns its own, which holds until the start. All others, also earlier
  /// ones, need one that is `needed_by_all`, except what it needs itself and others of its kind.
  std::size_t add(std::string name, std::unique_ptr<component> it, std::vector<std::size_t> stands_on,
                  bool needed_by_all = false);
  /// Puts those that all others need in front of them. Part of the start; before it for whoever asks for names first.
  void arrange();
  /// The chain whose least, or whose typical, times add up to most; after `arrange`.
  std::pair<std::string, duration> longest_least() const { return longest(&shutdown_times::minimum); }
  std::pair<std::string, duration> longest_typical() const { return longest(&shutdown_times::typical); }
  bool has(const std::string& name) const noexcept;
  component& at(std::size_t index) const noexcept { return *slots_[index].it; }
  std::vector<std::string> names() const;

  enum class start_result : unsigned char { started, interrupted, failed };
  /// `meanwhile` is called on each wake-up on the way.
  /// Starts each as soon as all that it needs has started, until all have, one throws, or the shutdown_requests is
  /// asked. Some may be starting still when it returns: they are part of the end.
  start_result start(const function<void()>& meanwhile = {});
  /// What the failed start threw.
  std::exception_ptr failure() const noexcept { return failure_; }
  bool started() const noexcept { return started_.load(std::memory_order_acquire); }

  /// Has everything that has started announce the end, once: `begin` does not repeat it. Returns before they have.
  void announce();
  bool announced() const noexcept { return announced_; }
  /// While serving, after an announcement: takes in what has returned, and lets go of threads.
  void look_after_verbs();

  /// Runs `f` beside everything, as verbs are run: it may block and holds up nobody. One that hangs outlives this.
  void aside(function<void()> f) { verbs_->run(std::move(f)); }
  using work_of_components = std::vector<std::pair<std::string, std::vector<work_item>>>;
  /// Aside, tells `to` what each component that has started is at work on.
  void tell_progress(std::size_t limit, function<void(const work_of_components&)> to);

  /// Begins to end what has started or is starting. `at` is the moment from which the budget counts. `deadline_nearer`
  /// is told the new deadline when a force brings it nearer.
  void begin(shutdown_budget budget, time_point at, function<void(time_point)> deadline_nearer = {});
  /// Does what is due. Then wait on the shutdown_requests until `next_wake`, and step again, until finished.
  void step();
  /// Not only for the end: also while verbs are under way.
  std::optional<time_point> next_wake() const noexcept;
  bool finished() const noexcept { return plan_ && plan_->finished(); }

  /// Adds durations, components, errors and the outcome, asking each component for its account.   Blocks: until the
  /// deadline if one does not give it, or 10 ms if that has passed.
  void fill(report& out);

  /// A verb has not returned, so a thread is still inside of a component.
  bool verbs_under_way() const noexcept;
  /// The same, or one that was seen in a hung component that it is working for: a handler's, a loop's.
  bool threads_inside() const noexcept;
  /// Destroys the components, the last added first; for good, so nothing but names(), has() and where() may follow.
  /// Leaves in memory what was started and never stopped, with all that it needs: its threads may still run in it.
  void destroy() noexcept;

  /// Of the driving thread: only `destroy` is done on it.
  const driver_position& where() const noexcept { return where_; }

  /// The phase, the drain end, the deadline and the components; the rest is the app's.
  app_status status() const;
  /// Has each component that has started add its numbers. Without them if somebody hangs in a component that he asks.
  void measure(metrics& into) const;

 private:
  struct slot {
    std::string name;
    std::unique_ptr<component> it;
    std::vector<std::size_t> needs;
    component_report report;
    bool runs = false;  // started, and not stopped yet
    bool needed_by_all = false;
    std::size_t unstarted_needs = 0;
    verb inside = verb::none;  // what it does now, of the verbs that wait for each other
    std::vector<verb> next;    // those that wait
    bool forcing = false;      // force does not wait, and only stop waits for it
    bool asked_progress = false;
    bool asked_account = false;
    bool reported = false;
    std::optional<std::size_t> in_plan;
    std::vector<work_item> progress;
  };
  struct shared_state;
  struct happening;

  std::pair<std::string, duration> longest(duration shutdown_times::* which) const;
  void order(std::size_t index, verb what);
  void submit(std::size_t index, verb what);
  void take_in();
  void returned(const happening& it);
  void started_one(const happening& it);
  void let_start(std::size_t index);
  void ask_for_account(std::size_t index);
  void ask_for_progress(std::size_t index);
  void wait(std::optional<time_point> until);
  void tell_what_is_waited_for(time_point now);
  void wait_for_accounts();
  void wait_for_stacks();
  void ask_where_threads_stand();
  bool waited_for(const slot& s) const noexcept;

  void carry_out(const shutdown_plan::actions& todo);
  void carry_out_one(const shutdown_plan::announce& it);
  void carry_out_one(const shutdown_plan::drain& it);
  void carry_out_one(const shutdown_plan::force& it);
  void carry_out_one(const shutdown_plan::stop& it);
  void carry_out_one(const shutdown_plan::hung& it);
  void carry_out_one(const shutdown_plan::finish& it);
  void force_one(std::size_t index);
  void has_drained(std::size_t index);
  void enter(std::size_t index, component_state state) noexcept;
  template <class Ask> static void ask_each(const shared_state& of, const Ask& ask);
  void publish_times() noexcept;
  void note(log_level level, const std::string& text);
  double since_request(time_point when) const noexcept;

  const clock& time_;
  logger log_;
  std::shared_ptr<shutdown_requests> requests_;
  std::vector<slot> slots_;
  std::unique_ptr<verb_executor> verbs_;
  std::shared_ptr<shared_state> shared_;  // what verbs under way touch, and those who ask; from `arrange` on
  std::size_t unstarted_ = 0;
  std::atomic<bool> started_{false};
  driver_position where_;
  std::exception_ptr failure_;
  std::optional<shutdown_plan> plan_;
  std::vector<std::size_t> of_plan_;  // the index of each of its nodes
  function<void(time_point)> deadline_nearer_;
  time_point asked_at_{};
  time_point next_tick_{};                    // not before, unless no verb is under way
  time_point next_line_ = time_point::max();  // of what is waited for
  duration reserve_{};
  time_point stacks_at_ = time_point::max();  // of who has not come back
  bool stacks_asked_ = false;
  bool progress_asked_ = false;  // for that line
  std::optional<time_point> first_drain_;
  std::optional<time_point> last_drained_;
  std::optional<time_point> cut_at_;  // the drain end, as it came
  time_point finished_at_{};
  double start_ms_ = 0;
  bool starting_ = false;
  bool force_passed_on_ = false;
  std::vector<std::string> errors_;
  bool announced_ = false;

  // What others read while one drives. Relaxed: each tells only of itself.
  std::atomic<app_phase> phase_{app_phase::starting};
  std::atomic<time_point> drain_end_{time_point::max()};
  std::atomic<time_point> deadline_{time_point::max()};
};

/// What an exception says for itself.
std::string to_text(const std::exception_ptr& thrown);

}  // namespace lastcall::inline v0
