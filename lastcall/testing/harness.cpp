// The app runs on the driver's thread (`drive`), the calls of the test on the test's thread. virtual_threads lets one
// thread run at a time, so `state` needs no lock. Three things move virtual time:
//   the driver waits by harness_clock (driver_waits): it parks until its next event
//   a double sleeps or hangs in a verb (wait_in_verb): its thread parks
//   the test waits (wait): it parks until all others have nothing to do
// A verb that hangs on the driver's thread stops the driver itself; then the harness does what the watchdog of a real
// app would do at its time (watch_leaves_at, leave_at_once).
#include "lastcall/testing/harness.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/app/signal_routing.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"
#include "lastcall/core/signals/signal_name.hpp"
#include "lastcall/core/signals/signal_policy.hpp"
#include "lastcall/core/signals/signals.hpp"
#include "lastcall/testing/virtual_threads.hpp"

namespace lastcall::inline v0::detail {

class rehearsal {
 public:
  static void serve_and_end(app& program) { program.serve_and_end(); }
};

}  // namespace lastcall::inline v0::detail

namespace lastcall::inline v0::testing {

using lastcall::to_text;

namespace {

// Real time. No step of a test takes as long, so a verb blocks.
constexpr duration longest_block = std::chrono::seconds(60);

}  // namespace

std::string to_text(const std::vector<moment>& timeline) {
  std::size_t times = 0, names = 0;
  for (const moment& m : timeline) {
    times = std::max(times, to_text(m.at).size());
    names = std::max(names, m.component.size());
  }
  std::string all;
  for (const moment& m : timeline) {
    const std::string at = to_text(m.at);
    all += std::string(times - at.size(), ' ') + at + "  " + m.component +
           std::string(names - m.component.size(), ' ') + "  " + m.what + "\n";
  }
  return all;
}

struct harness::state final : component_double::stage {
  /// The app's driver waits by this clock: it parks, and another thread runs.
  struct harness_clock final : virtual_clock {
    explicit harness_clock(state& of) : of_(of) {}
    bool skip(std::optional<time_point> until) const noexcept override { return of_.driver_waits(until); }

   private:
    state& of_;
  };

  state(app_options options, duration real_patience)
      : caught_signals(ends_by(options)),
        grace(options.grace),
        patience(real_patience),
        program(std::in_place, adapt(options)) {
    lastcall::detail::option_check("harness").time("patience", patience);
  }

  static std::vector<int> ends_by(const app_options& options) {
    std::vector<int> all = options.signals;
    if (!all.empty() && hangup_of(options) == hangup::end) all.push_back(SIGHUP);
    return all;
  }

  app_options adapt(app_options options) {
    if (options.time != nullptr)
      throw std::logic_error("harness: app_options::time is the harness's own; leave it null");
    options.time = &time;
    options.signals = {};
    options.sighup.reset();
    options.environment = false;
    options.report_file.clear();
    if (!options.sink) options.log = log_level::none;
    return options;
  }

  // For component_double::stage:
  time_point now() const noexcept override { return time.now(); }
  void plan(time_point when, function<void()> f) override { threads.plan(when, std::move(f)); }
  void sleep(const std::string& who, verb in, time_point when, bool gives_up) noexcept override {
    wait_in_verb(who, in, when, gives_up);
  }
  void hang(const std::string& who, verb in) noexcept override { wait_in_verb(who, in, std::nullopt, false); }
  void note(const std::string& who, const std::string& what) noexcept override {
    timeline.push_back({time.now() - zero, who, what});
  }

  bool on_driver() const noexcept { return driver == std::this_thread::get_id(); }
  bool on_test() const noexcept { return test == std::this_thread::get_id() && !planned_runs; }

  void wait_in_verb(const std::string& who, verb in, std::optional<time_point> when, bool gives_up) noexcept;
  std::optional<time_point> watch_leaves_at() noexcept;
  bool driver_waits(std::optional<time_point> until) noexcept;
  bool real_work() noexcept;
  void note_states() noexcept;
  void drive() noexcept;
  void begin();
  void leave_at_once(int exit_code, outcome how, const std::string& cause, const std::string& who);
  void wait(std::optional<time_point> when, const std::function<bool()>& holds);
  void take(int signal);

  harness_clock time{*this};
  const time_point zero = time.now();
  virtual_threads threads{time};
  const std::thread::id test = std::this_thread::get_id();
  std::thread::id driver;
  const std::vector<int> caught_signals;
  const duration grace, patience;
  signal_policy policy;
  std::vector<moment> timeline;
  std::set<std::string> doubles;
  std::map<std::string, component_state> seen;  // the last states of components that are not doubles
  std::map<std::string, time_point> working;    // since when, in real time, these drain or are forced
  std::optional<time_point> watch;
  std::optional<report> said;
  std::exception_ptr failure;
  bool begun = false, was_ready = false, driver_ended = false, planned_runs = false, lost = false;
  std::optional<lastcall::app> program;  // last: its destructor uses the rest
};

/// Parks the thread of a verb until `when`; without `when` until the harness ends. On the driver's thread the
/// watchdog's time bounds it.
void harness::state::wait_in_verb(const std::string& who, verb in, std::optional<time_point> when,
                                  bool gives_up) noexcept {
  for (;;) {
    if (when ? time.now() >= *when : threads.abandoned()) return;
    if (gives_up && program->asked_to_end()) return;
    const auto limit = on_driver() ? watch_leaves_at() : std::nullopt;
    if (limit && time.now() >= *limit && !threads.abandoned()) {
      if (!said) {
        note(who, "hangs in " + std::string(to_text(in)));
        leave_at_once(exit_codes::hung, outcome::hung, who + ": hangs in " + std::string(to_text(in)), who);
      }
      threads.park(std::nullopt, virtual_threads::until::time);
      continue;
    }
    auto next = when;
    if (limit && !threads.abandoned()) next = std::min(next.value_or(*limit), *limit);
    threads.park(next, virtual_threads::until::test);
  }
}

// When the watchdog would exit the process. Empty before the shutdown begins.
std::optional<time_point> harness::state::watch_leaves_at() noexcept {
  if (!program->asked_to_end()) return std::nullopt;
  const app_status s = program->status();
  if (s.left && *s.left > duration::zero()) {
    watch = time.now() + *s.left + time_for_report;
  } else if (!watch) {
    watch = time.now() - s.announced.value_or(duration::zero()) + grace + time_for_report;
  }
  return watch;
}

/// False: not the driver's wait, or real work goes on; then the clock waits in real time.
bool harness::state::driver_waits(std::optional<time_point> until) noexcept {
  if (!on_driver()) return false;
  note_states();
  if (real_work()) return false;
  threads.park(until, virtual_threads::until::anything);
  return true;
}

// A component that is not a double drains or is forced, so virtual time must wait for its real work.
bool harness::state::real_work() noexcept {
  bool any = false;
  const time_point real = steady().now();
  for (const component_status& c : program->status().components) {
    if (doubles.contains(c.name)) continue;
    if (c.state != component_state::draining && c.state != component_state::forced) continue;
    const auto since = working.try_emplace(c.name + " " + std::string(to_text(c.state)), real).first->second;
    any = any || real - since < patience;
  }
  return any;
}

/// Doubles note their verbs themselves; of other components only the changes of state are known.
void harness::state::note_states() noexcept {
  if (!was_ready && program->ready()) {
    was_ready = true;
    note("", "ready");
  }
  for (const component_status& c : program->status().components) {
    if (doubles.contains(c.name)) continue;
    component_state& before = seen.try_emplace(c.name, component_state::waiting).first->second;
    if (std::exchange(before, c.state) != c.state) note(c.name, std::string(to_text(c.state)));
  }
}

// The app's driver: what run() does, without signals and exit.
void harness::state::drive() noexcept {
  driver = std::this_thread::get_id();
  try {
    failure = exception_of([&] { program->start(); });
    if (!failure) {
      note_states();
      lastcall::detail::rehearsal::serve_and_end(*program);
    }
    const report& r = program->shutdown(deadline(grace));
    failure = nullptr;
    note_states();
    if (!said) {
      for (const std::string& name : r.hung()) note(name, "hung");
      note("", "over: exit " + std::to_string(r.exit_code));
      said = r;
    }
  } catch (...) {
    if (!failure) failure = caught();
  }
  driver_ended = true;
}

void harness::state::begin() {
  if (std::exchange(begun, true)) return;
  threads.spawn([this] { drive(); });
}

// As when the watchdog exits the process: the app makes no report, so this is it.
void harness::state::leave_at_once(int exit_code, outcome how, const std::string& cause, const std::string& who) {
  const app_status s = program->status();
  report& r = said.emplace();
  r.cause.kind = program->asked_to_end() ? cause_kind::signal : cause_kind::none;
  r.cause.text = s.cause;
  r.outcome = how;
  r.exit_code = exit_code;
  r.grace_ms = to_ms(grace);
  r.total_ms = to_ms(s.announced.value_or(duration::zero()));
  r.errors.push_back(cause);
  for (const component_status& c : s.components) {
    component_report& one = r.components.emplace_back();
    one.name = c.name;
    one.stopped = c.state == component_state::stopped;
    one.hung = c.name == who;
  }
  note("", "left at once: exit " + std::to_string(exit_code));
}

void harness::state::wait(std::optional<time_point> when, const std::function<bool()>& holds) {
  if (!on_test()) throw std::logic_error("harness: only the test itself can wait, not what was planned with at()");
  if (lost) throw std::logic_error("harness: a verb still blocks; nothing can be asked any more");
  const auto how = threads.wait(when, [&] { return driver_ended || said || holds(); }, longest_block);
  if (how == virtual_threads::waited::late) {
    lost = true;
    throw std::runtime_error("harness: a component's verb has blocked for " + to_text(longest_block) + " of real time");
  }
  if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  if (how == virtual_threads::waited::stuck && !driver_ended && !said) {
    throw std::logic_error(
        "harness: nothing will ever happen any more, and the app is not over; raise() a signal, fail() a component, or "
        "plan it with at()\n" +
        to_text(timeline));
  }
}

void harness::state::take(int signal) {
  const std::string name = signal_name(signal);
  if (std::find(caught_signals.begin(), caught_signals.end(), signal) == caught_signals.end())
    throw std::invalid_argument("harness: this app does not catch " + name + "; see app_options::signals");
  if (said || driver_ended) return;
  const signal_record record{.number = signal, .code = SI_USER, .pid = ::getpid(), .uid = ::getuid(), .at = time.now()};
  switch (policy.take(record.at, signal != SIGHUP)) {
    case signal_action::begin:
      note("", name);
      program->request_shutdown(record);
      break;
    case signal_action::force:
      note("", name + ": force");
      program->request_force();
      break;
    case signal_action::exit_now:
      note("", name + ": a third time");
      leave_at_once(exit_codes::by_signal(signal), outcome::forced, "asked a third time, by " + name, "");
      break;
    case signal_action::merge:
      note("", name + ": the same request again");
      break;
  }
}

harness::harness(app_options options, duration patience)
    : state_(std::make_unique<state>(std::move(options), patience)) {}

harness::~harness() {
  state& s = *state_;
  if (s.begun && !s.driver_ended && !s.lost) {
    s.threads.abandon();
    s.program->request_shutdown("the harness is destroyed");
    s.program->request_force();
    s.lost = true;
    static_cast<void>(exception_of([&] {  // planned functions may throw; the harness ends anyway
      s.lost = s.threads.wait(
                   std::nullopt, [&] { return s.driver_ended; }, longest_block) != virtual_threads::waited::enough;
    }));
  }
  if (!s.lost) return;
  lastcall::detail::leave_behind(std::move(state_));  // threads still use it
}

member harness::add(std::string name, component_behaviour does, needs stands_on) {
  state& s = *state_;
  auto it = std::make_unique<component_double>(name, std::move(does), s);
  const component_ref ref = s.program->add(name, std::unique_ptr<component>(std::move(it)), std::move(stands_on));
  s.doubles.insert(name);
  return {ref, std::move(name)};
}

member harness::adopt(std::string name, std::unique_ptr<component> it, needs stands_on) {
  return {state_->program->add(name, std::move(it), std::move(stands_on)), name};
}

void harness::at(duration since_construction, function<void()> f) {
  state& s = *state_;
  s.threads.plan(lastcall::detail::later(s.zero, since_construction), [&s, f = std::move(f)]() mutable {
    s.planned_runs = true;
    try {
      f();
    } catch (...) {
      s.planned_runs = false;
      throw;
    }
    s.planned_runs = false;
  });
}

void harness::start() {
  state& s = *state_;
  s.begin();
  s.wait(std::nullopt, [&] { return s.program->ready(); });
}

void harness::raise(int signal) {
  state& s = *state_;
  if (!s.begun && s.on_test()) start();
  s.take(signal);
  if (s.on_test()) s.wait(s.time.now(), [] { return false; });
}

void harness::fail(const member& who, std::string cause) {
  state& s = *state_;
  if (!s.begun && s.on_test()) start();
  s.note(who.name(), "fails: " + cause);
  s.program->fail(who.name(), std::move(cause));
  if (s.on_test()) s.wait(s.time.now(), [] { return false; });
}

void harness::advance(duration by) {
  state& s = *state_;
  if (by < duration::zero())
    throw std::invalid_argument("harness: " + to_text(by) + " is negative; time never goes back");
  s.begin();
  s.wait(lastcall::detail::later(s.time.now(), by), [] { return false; });
}

const report& harness::run_to_end() {
  state& s = *state_;
  s.begin();
  s.wait(std::nullopt, [] { return false; });
  return *s.said;
}

bool harness::started() const noexcept { return state_->program->ready(); }
bool harness::ended() const noexcept { return state_->said.has_value(); }
duration harness::now() const noexcept { return state_->time.now() - state_->zero; }
const clock& harness::time() const noexcept { return state_->time; }
lastcall::app& harness::app() noexcept { return *state_->program; }
std::vector<moment> harness::timeline() const { return state_->timeline; }

}  // namespace lastcall::inline v0::testing
