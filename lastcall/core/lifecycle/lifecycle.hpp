// Starts and ends the components: owns them, runs their verbs, records what happened. Does not decide the order of the
// shutdown (shutdown_plan.hpp). After the start it does not wait: shutdown_run.hpp does, and calls step().
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/component_record.hpp"
#include "lastcall/core/lifecycle/driver_position.hpp"
#include "lastcall/core/lifecycle/shutdown_plan.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/lifecycle/verb_executor.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/app_status.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0 {

/// Threads: one thread, the driver. Any thread may call `started()` and `current_position()`, and after the start also
/// `status()` and `measure()`. In tests with another clock, each verb runs at once, on the driver's thread: a run
/// is the same each time.
class lifecycle {
 public:
  /// `time` outlives the lifecycle, and every verb that hangs.
  lifecycle(const clock& time, logger log, std::shared_ptr<shutdown_requests> requests);
  ~lifecycle();

  /// `needed` are indices of components that were added before. Returns the index of this one, which is valid until
  /// `arrange`. If `needed_by_all`, all others need it, except what it needs itself and others of its kind.
  std::size_t add(std::string name, std::shared_ptr<component> object, std::vector<std::size_t> needed,
                  bool needed_by_all = false);
  /// A component that runs already and has an owner. It outlives the lifecycle and its verbs.
  void add_running(std::string name, component& it);
  /// Moves the components that all others need to the front. `start` does it too; call it before to read `names`.
  void arrange();
  /// The chain of components with the largest sum of minimum times, or of typical times. After `arrange`.
  std::pair<std::string, duration> longest_chain(duration shutdown_times::* of) const;
  bool has(const std::string& name) const noexcept;
  component& at(std::size_t index) const noexcept { return *components_[index].object; }
  std::vector<std::string> names() const;

  enum class start_result : unsigned char { started, interrupted, failed };
  /// Starts each component as soon as all that it needs has started. Returns when all have started, one has thrown, or
  /// a shutdown was requested. A component may still be starting then: it takes part in the shutdown. Calls `meanwhile`
  /// at each wake-up.
  start_result start(const function<void()>& meanwhile = {}, std::optional<duration> most = {},
                     std::string_view most_from = {});
  /// The exception of the component whose start failed.
  std::exception_ptr failure() const noexcept { return failure_; }
  bool started() const noexcept { return started_.load(std::memory_order_acquire); }

  /// Orders `announce` of all running components, once; `begin` does not repeat it. Does not wait for them.
  void announce();
  bool announced() const noexcept { return phase_ >= app_phase::announced; }
  /// While serving: takes in the results of verbs, and ends the threads that have nothing to do.
  void maintain_verbs();

  /// Runs `f` on a thread for verbs, so it may block. If it hangs, it outlives the lifecycle.
  void run_in_background(function<void()> f) { verbs_->run(std::move(f)); }
  using work_of_components = std::vector<std::pair<std::string, std::vector<work_item>>>;
  /// In the background: asks each component for its work in progress, then calls `to` with all of it.
  void report_progress(std::size_t limit, function<void(const work_of_components&)> to);
  /// In the background: as `measure`.
  void report_numbers(function<void(const metrics&)> to);

  /// Begins the shutdown of all that has started or is starting. The budget counts from `at`. Calls `deadline_moved`
  /// when a force brings the deadline nearer, or a pause of the process moves it.
  void begin(shutdown_budget budget, time_point at, function<void(time_point)> deadline_moved = {});
  /// Does what is due. Then wait on the shutdown_requests until `next_wake`, and call it again, until `finished`.
  void step();
  /// Nobody is told of another deadline any more.
  void ends_told() noexcept { deadline_moved_ = {}; }
  /// The driver woke so much later than it wanted to. More than 100 ms: the process did not run. What is due gets one
  /// further moment, once.
  void woke_late(duration late);
  /// What hangs is named without the stacks of its threads, which get a signal for that.
  void take_no_stacks() noexcept { takes_stacks_ = false; }
  /// Also before the shutdown, while verbs are under way.
  std::optional<time_point> next_wake() const noexcept;
  bool finished() const noexcept { return plan_ && plan_->finished(); }

  /// Adds durations, components, errors and the outcome.   Blocks: until every component has returned from `account`,
  /// at most until the deadline, or for 10 ms if that has passed.
  void fill(report& out);

  /// A verb has not returned, so a thread is still inside a component.
  bool verbs_under_way() const noexcept;
  /// After the shutdown, for verbs that took longer. Blocks: until all have returned, or until `by`.
  void wait_for_verbs(time_point by);
  /// Destroys the components, the last added first. Leaves in memory each that started and did not stop, and all that
  /// it needs, since threads may still run in them. Only names(), has() and current_position() may follow.
  void destroy() noexcept;

  /// Where the driver is: only `destroy` runs component code on it.
  const driver_position& current_position() const noexcept { return position_; }

  /// What the last line about waiting said: "http: GET /x (3s); db". Empty: nothing was waited for so long.
  const std::string& waits_for() const noexcept { return waits_for_; }

  /// The phase, the drain end, the deadline and the components. The app adds the rest.
  app_status status() const;
  /// Adds the numbers of each component that has started. Adds nothing if another thread hangs while it asks for them.
  void measure(metrics& into) const;

 private:
  struct shared_state;
  struct verb_event;

  static constexpr duration log_interval = std::chrono::seconds(1);          // of the line that says what is waited for
  static constexpr duration time_to_answer = std::chrono::milliseconds(60);  // before it: in_progress() may take time
  static constexpr duration time_past_deadline = std::chrono::milliseconds(10);  // for what is asked at the deadline

  bool goes_on_starting() const noexcept { return unstarted_ > 0 && !failure_ && requests_->first() == nullptr; }
  void begin_start(std::size_t index);
  void start_returned(const verb_event& it);

  void order_verb(std::size_t index, verb what);
  void run_verb(std::size_t index, verb what);
  void request_progress(std::size_t index, const std::shared_ptr<countdown>& answers = {});
  void take_events();
  void handle_event(const verb_event& it);

  void carry_out(const shutdown_plan::actions& todo);
  void ask_who_is_forced(const shutdown_plan::actions& todo);
  void name_hung(std::size_t index);
  void force_component(std::size_t index);

  void wait(std::optional<time_point> until);
  bool is_waited_for(const component_record& c) const noexcept;
  std::string starting() const;
  void log_waiting(time_point now);
  void wait_for_accounts();
  void request_stacks();
  void wait_for_stacks();

  static void measure(const shared_state& state, metrics& into);
  template <class Ask> static void for_each_started(const shared_state& state, const Ask& ask);
  void set_state(std::size_t index, component_state state) noexcept;
  void log_and_report(log_level level, const std::string& text);
  double ms_since_request(time_point when) const noexcept;

  const clock& time_;
  logger log_;
  std::shared_ptr<shutdown_requests> requests_;
  std::vector<component_record> components_;
  std::unique_ptr<verb_executor> verbs_;
  std::shared_ptr<shared_state> shared_;  // from `arrange` on
  driver_position position_;
  std::vector<std::string> errors_;

  std::size_t unstarted_ = 0;
  std::atomic<bool> started_{false};
  std::exception_ptr failure_;
  double start_ms_ = 0;

  std::optional<shutdown_plan> plan_;
  std::vector<std::size_t> component_of_node_;  // by the numbers of the plan
  function<void(time_point)> deadline_moved_;
  duration not_running_{};
  time_point next_tick_{};  // of the plan, while verbs are under way
  time_point next_log_line_ = time_point::max();
  std::string waits_for_;
  bool progress_requested_ = false;  // for that line
  bool takes_stacks_ = true;
  bool stacks_requested_ = false;
  time_point requested_at_{};
  time_point finished_at_{};

  // The plan's, once there is one. Written by the driver, read by any thread. Relaxed: no other data is read because of
  // them.
  std::atomic<app_phase> phase_{app_phase::starting};
  std::atomic<time_point> drain_end_{time_point::max()};
  std::atomic<time_point> deadline_{time_point::max()};
};

}  // namespace lastcall::inline v0
