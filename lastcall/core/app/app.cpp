#include "lastcall/core/app/app.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "lastcall/core/app/settings.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/exception_text.hpp"
#include "lastcall/core/exit/backstop.hpp"
#include "lastcall/core/exit/exit_watch.hpp"
#include "lastcall/core/exit/watchdog.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_plan.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/exit_code.hpp"
#include "lastcall/core/report/kernel_counters.hpp"
#include "lastcall/core/report/report_file.hpp"
#include "lastcall/core/signals/signal_policy.hpp"
#include "lastcall/core/signals/signals.hpp"
#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {
namespace {

// How long after the deadline the driving thread may still be writing its report before it counts as hanging. What is
// left of the 100 ms by which the process is to be gone is for the watch's own report.
constexpr duration watchdog_slack = std::chrono::milliseconds(60);
// What of that the watch may take: then nothing is said or written any more.
constexpr duration watchdog_time = std::chrono::milliseconds(30);

// How long run() waits at most for the reader of the log, and how long before the watch it leaves off.
constexpr duration log_time = std::chrono::milliseconds(500);
constexpr duration log_margin = std::chrono::milliseconds(10);

extern "C" void lastcall_same_request_again(int) {}

// A program may be started without them. What is opened next would take their numbers, and be written to as a log.
void open_missing_standard_descriptors() noexcept {
  for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(each, F_GETFD) != -1) continue;
    const int opened = open("/dev/null", O_RDWR);
    if (opened > STDERR_FILENO) close(opened);
  }
}

}  // namespace

struct app::parts {
  struct shared_component {
    const void* type;
    void* at;
    component_ref ref;
  };

  struct handler {
    int number;
    void (*installed)(int, siginfo_t*, void*);
  };

  /// Shared with the thread that is inside of the hook, which may hang there and outlive the app.
  struct reloads {
    reloads(logger to, std::shared_ptr<shutdown_requests> tells) : log(std::move(to)), wakes(std::move(tells)) {}

    std::vector<std::function<void()>> hooks;  // complete before the start
    const logger log;
    const std::shared_ptr<shutdown_requests> wakes;
    std::atomic<bool> under_way{false};

    void run() noexcept {
      const watched_thread here("app", "hook");
      const activity doing("on_reload");
      for (const auto& hook : hooks) {
        try {
          hook();
        } catch (...) {
          log.error("app", "reload failed", {{"why", to_text(std::current_exception())}});
        }
      }
      under_way.store(false, std::memory_order_release);
      wakes->driver().ring();  // it may have been asked for again meanwhile, or be waited for
    }
  };

  explicit parts(app_options options)
      : chosen(settle(options, options.environment ? process_environment() : environment())),
        time(options.time != nullptr ? *options.time : steady()),
        log(chosen.log, std::move(options.sink)),
        reload(std::make_shared<reloads>(log, in)),
        hup_reloads(options.on_reload != nullptr),
        hup_is_taken(options.signals.empty() || listed(options.signals, SIGHUP)),
        state_signal(options.state_on_quit && !options.signals.empty() && !listed(options.signals, SIGQUIT)),
        catches(numbers(options), [this](const signal_record& record) { on_signal(record); }) {
    if (options.on_reload) reload->hooks.push_back(std::move(options.on_reload));
    for (const int number : numbers(options)) keep_in_mind(number);
  }

  void keep_in_mind(int number) {
    struct sigaction ours{};
    if (sigaction(number, nullptr, &ours) == 0) caught.push_back({number, ours.sa_sigaction});
  }

  static bool listed(const std::vector<int>& in, int number) {
    return std::find(in.begin(), in.end(), number) != in.end();
  }

  std::vector<int> numbers(const app_options& options) const {
    std::vector<int> all = options.signals;
    if (hup_reloads && listed(all, SIGHUP))
      throw std::invalid_argument("app: SIGHUP can't both end the app and have it reload; leave it out of signals");
    if (hup_reloads) all.push_back(SIGHUP);
    if (state_signal) all.push_back(SIGQUIT);
    return all;
  }

  // A signal that ended run() may be sent again until the process is gone: it must not turn a clean exit into a kill.
  // The handlers from before come back only where nobody has asked by a signal. A handler rather than SIG_IGN: programs
  // that are executed later do not inherit it.
  void ignore_signals_until_exit() noexcept {
    for (const handler& h : caught) {
      struct sigaction now{};
      if (sigaction(h.number, nullptr, &now) != 0 || now.sa_sigaction != h.installed)
        continue;  // somebody else's by now
      struct sigaction deaf{};
      deaf.sa_handler = lastcall_same_request_again;
      deaf.sa_flags = SA_RESTART;
      sigaction(h.number, &deaf, nullptr);
    }
  }

  // On the signal thread: neither locks nor allocates.
  void on_signal(const signal_record& record) noexcept {
    if (record.number == SIGHUP && hup_reloads) return in->ask_to_reload();
    if (record.number == SIGQUIT && state_signal) return in->ask_for_state();
    switch (policy.take(record.at)) {
      case signal_action::begin:
        in->ask(stamped({.trigger = trigger::signal, .signal = record}));
        break;
      case signal_action::force:
        second = record;
        second_is_here.store(true, std::memory_order_release);
        in->force();
        break;
      case signal_action::exit_now:
        if (embedded.load(std::memory_order_relaxed)) break;  // that is for the program to decide
        last_words("lastcall: asked a third time, leaving at once\n");
        _exit(exit_codes::by_signal(record.number));
      case signal_action::merge:
        break;
    }
  }

  shutdown_request stamped(shutdown_request by) const noexcept {
    const bool told = by.trigger == trigger::signal && by.signal.at != time_point{} && &time == &steady();
    by.at = told ? by.signal.at : time.now();
    by.wall = std::chrono::system_clock::now();
    return by;
  }

  std::string cause_text() const {
    const shutdown_request& by = *in->asked();
    if (by.trigger == trigger::signal) return signal_name(by.signal.number) + " from " + describe_sender(by.signal);
    return by.why.empty() ? "requested" : by.why;
  }

  std::string force_text() const {
    return "asked a second time, by " + signal_name(second.number) + " from " + describe_sender(second) +
           ": what is left is cut";
  }

  bool from_terminal() const noexcept {
    const shutdown_request& by = *in->asked();
    return !chosen.delay_from_terminal && by.trigger == trigger::signal && by.signal.code == SI_KERNEL;
  }

  void arm(time_point deadline) {
    if (!dog || &time != &steady() || deadline == armed_for) return;
    armed_for = deadline;
    catches.wake_at(deadline + watchdog_slack, [this] { dog->leave(); });
    behind_the_watch.arm(deadline + watchdog_slack + watchdog_time, exit_codes::hung);
  }

  // While signals are caught and the watch is armed: destructors may hang too.
  void destroy() noexcept {
    shared.clear();
    life.destroy();
  }

  void check_process() const {
    if (getpid() != made_in)
      throw std::logic_error("app: made in process " + std::to_string(made_in) +
                             ", whose threads a fork leaves there, so nobody would hear signals in process " +
                             std::to_string(getpid()) + "; fork (daemon()) first, then make the app");
  }

  // Before anything starts: what the components themselves say that they take.
  void check_budget() {
    const duration room = chosen.grace - chosen.reserve - chosen.readiness_delay;
    const auto arithmetic = [&](const std::pair<std::string, duration>& chain) {
      return chain.first + " = " + to_text(chain.second) + ", and grace " + to_text(chosen.grace) +
             " (LASTCALL_GRACE) - reserve " + to_text(chosen.reserve) + " (LASTCALL_RESERVE) - readiness delay " +
             to_text(chosen.readiness_delay) + " (LASTCALL_READINESS_DELAY) leaves " + to_text(room);
    };
    if (const auto least = life.longest_minimum_chain(); least.second > room) {
      throw std::invalid_argument("app: the components need at least " + arithmetic(least) +
                                  " to drain in; raise the grace period or shorten what they take");
    }
    if (const auto typical = life.longest_typical_chain(); typical.second > room)
      log.warning("app", "the components typically need more time than there is",
                  {{"arithmetic", arithmetic(typical)}});
  }

  lifecycle::start_result start() {
    begun = true;
    life.arrange();
    check_budget();
    log.info("app", "starting", {{"components", std::to_string(life.names().size())}});
    const auto result = life.start([this] { look_at_state(); });
    if (result == lifecycle::start_result::started) log.info("app", "ready");
    if (result == lifecycle::start_result::failed) {
      const std::string why = to_text(life.failure());
      log.error("app", why);
      in->ask_as_driver(stamped({.trigger = trigger::failed_start, .why = why}));
    }
    return result;
  }

  // run() has nothing else to do meanwhile.
  void serve() {
    life.maintain_verbs();
    look_aside();
    if (!in->announced() || life.announced()) return;
    log.info("app", "announced: not ready any more, serving on", {{"delay", to_text(chosen.readiness_delay)}});
    life.announce();
  }

  // What signals ask for that ends nothing. Neither touches the app any more: it may hang, and the app may go.
  void look_aside() {
    look_at_state();
    if (reload_hangs() || !in->take_reload()) return;
    reload->under_way = true;
    log.info("app", "reloading");
    life.run_in_background([r = reload] { r->run(); });
  }

  // Not again while the one before is being told: whoever hangs in it is asked once.
  void look_at_state() {
    if (*telling || !in->take_state()) return;
    telling->store(true);
    std::string text = "lastcall: " + std::string(to_text(life.status().phase)) + "\n";
    for (const component_status& c : life.status().components)
      text.append("  ").append(c.name).append(": ").append(to_text(c.state)).append("\n");
    say_all(text);
    life.report_progress(10, [told = telling, wakes = in](const lifecycle::work_of_components& all) {
      try {
        std::string lines;
        for (const auto& [name, items] : all)
          for (const work_item& w : items)
            lines.append("  ").append(name).append(" is at work on ").append(to_text(w)).append("\n");
        say_all(lines);
        say_all(describe_threads());
      } catch (...) {  // out of memory
      }
      told->store(false);
      wakes->driver().ring();
    });
  }

  static void say_all(std::string_view text) noexcept {
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 4096)))
      last_words(text.substr(0, 4096));
  }

  bool reload_hangs() const noexcept { return reload->under_way.load(std::memory_order_acquire); }

  // How much of the readiness delay had passed when the end was asked for.
  duration served(time_point asked_at) const noexcept {
    const auto announced = in->announced();
    return announced ? std::clamp(asked_at - *announced, duration::zero(), chosen.readiness_delay) : duration::zero();
  }

  // Drives the end to its finish and fills the report in.
  void end(shutdown_budget budget, time_point from) {
    arm(from + budget.grace);
    const auto counted_before = read_kernel_counters();
    log.info("app", "shutting down: " + cause_text(), {{"grace", to_text(budget.grace)}});
    budget.announce = life.started() && !life.announced();
    if (!life.started() || from_terminal()) budget.readiness_delay = duration::zero();
    ends_by = from + budget.grace;
    life.begin(budget, from, [this](time_point deadline) {
      ends_by = deadline;
      arm(deadline);
    });
    std::string forced_by;
    for (life.step(); !life.finished(); life.step()) {
      look_at_state();
      if (forced_by.empty() && second_is_here.load(std::memory_order_acquire))
        log.warning("app", forced_by = force_text());
      in->driver().wait(time, life.next_wake());
    }
    const time_point over = time.now();
    wait_for_reload(budget.reserve);
    const duration reload_took = time.now() - over;
    const shutdown_request& by = *in->asked();
    report& r = said.emplace();
    r.trigger = by.trigger;
    r.why = by.why;
    if (by.trigger == trigger::signal) {
      r.signal = signal_name(by.signal.number);
      r.sender = describe_sender(by.signal);
    }
    r.began = by.wall;
    r.grace_ms = to_ms(budget.grace);
    r.reserve_ms = to_ms(budget.reserve);
    r.readiness_delay_ms = to_ms(budget.readiness_delay);
    life.fill(r);
    r.stop_ms += to_ms(reload_took);
    r.total_ms += to_ms(reload_took);
    if (const auto counted = read_kernel_counters(); counted && counted_before) r.kernel = *counted - *counted_before;
    if (reload_hangs()) {
      r.errors.emplace_back("on_reload has not returned");
      r.outcome = outcome::hung;
    }
    if (!forced_by.empty()) r.errors.push_back(std::move(forced_by));
    bool failed = by.trigger == trigger::failed_component;
    for (const component_report& c : r.components) failed = failed || c.failed;
    {
      const std::lock_guard lock(failures_mutex);
      for (std::string& why : failures)
        if (why != r.why) r.errors.push_back(std::move(why));
      failed = failed || !failures.empty();
    }
    r.outcome = final_outcome(r.outcome, {.of_start = by.trigger == trigger::failed_start, .of_component = failed});
    r.exit_code = exit_code_of(r.outcome);
  }

  // What it touches is about to be destroyed.
  void wait_for_reload(duration reserve) {
    for (bool nearer = in->forced(); reload_hangs() && time.now() < ends_by; in->driver().wait(time, ends_by)) {
      if (nearer || !in->forced()) continue;
      nearer = true;
      ends_by = std::min(ends_by, time.now() + reserve);
      arm(ends_by);
    }
  }

  void publish() {
    said->log_lines_dropped = log.dropped();
    if (!chosen.report_file.empty()) {
      const std::string temporary = temporary_name(chosen.report_file);
      if (const auto failure = write_whole(chosen.report_file.c_str(), temporary.c_str(), to_json(*said))) {
        log.error("app", "report not written", {{"file", chosen.report_file}, {"error", failure.message()}});
      } else if (dog && said->exit_code == exit_codes::hung) {
        dog->keep_report();
      }
    }
    const log_level level = said->exit_code == 0 ? log_level::info : log_level::warning;
    const std::string text = to_text(*said);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      log.write(level, "app", line);
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    const time_point now = steady().now();
    const bool watched = armed_for != time_point::max();
    const time_point watch = watched ? armed_for + watchdog_slack - log_margin : now + log_time;
    log.flush(std::clamp(watch - now, duration::zero(), log_time));
  }

  // Threads that are still inside of components, ours or their own, must not meet destructors of what they use, so
  // neither static objects nor exit handlers are left to run.
  void leave_if_hung() noexcept {
    const bool hung = said->exit_code == exit_codes::hung;
    if (!hung && !life.verbs_under_way()) return;
    for (const component_report& c : said->components) {
      if (c.hung) dog->say(c.hung_in, c.name);
    }
    if (reload_hangs()) dog->say("on_reload", "app");
    if (&time == &steady()) _exit(said->exit_code);
  }

  shutdown_budget whole_budget() const {
    return {.grace = chosen.grace, .reserve = chosen.reserve, .readiness_delay = chosen.readiness_delay};
  }

  const pid_t made_in = getpid();
  const settings chosen;
  const clock& time;
  logger log;
  const std::shared_ptr<shutdown_requests> in = std::make_shared<shutdown_requests>();
  lifecycle life{time, log, in};
  std::vector<std::vector<component_ref>> constructions;  // what those under way have asked for, innermost last
  std::vector<shared_component> shared;
  std::optional<report> said;
  std::mutex failures_mutex;
  std::vector<std::string> failures;  // of components; the first to come may be what the end was asked for
  bool begun = false;
  std::atomic<bool> embedded{false};  // start() was called rather than run()
  signal_policy policy;               // the signal thread's
  signal_record second{};             // written once by it
  std::atomic<bool> second_is_here{false};
  time_point ends_by{};  // the deadline of the end that is under way
  std::optional<watchdog> dog;
  time_point armed_for = time_point::max();
  backstop behind_the_watch;
  std::vector<handler> caught;
  const std::shared_ptr<reloads> reload;
  const bool hup_reloads;   // from the beginning; later ones: catches_hup
  const bool hup_is_taken;  // by the end, or the program catches its signals itself
  const bool state_signal;
  const std::shared_ptr<std::atomic<bool>> telling = std::make_shared<std::atomic<bool>>(false);
  signals catches;  // last, with the next: their threads use the rest
  std::optional<signals> catches_hup;
};

app::construction::construction(app& owner) : owner_(owner) { owner_.parts_->constructions.emplace_back(); }

app::construction::~construction() { owner_.parts_->constructions.pop_back(); }

needs app::construction::with(needs stated) const {
  const needs& asked_for = owner_.parts_->constructions.back();
  stated.insert(stated.end(), asked_for.begin(), asked_for.end());
  return stated;
}

app::app(app_options options) {
  open_missing_standard_descriptors();
  parts_ = std::make_unique<parts>(std::move(options));
}

app::~app() {
  parts& p = *parts_;
  if (p.dog && p.said && p.said->trigger == trigger::signal) p.ignore_signals_until_exit();
  if (p.begun && !p.said) {
    p.in->ask_as_driver(p.stamped({.trigger = trigger::request, .why = "the app is destroyed"}));
    p.in->force();
    p.end({.grace = p.chosen.reserve, .reserve = p.chosen.reserve}, p.time.now());
  }
  p.destroy();
}

handle<component> app::add(std::string name, std::unique_ptr<component> it, needs stands_on) {
  check_addition(name);
  if (!it) throw std::invalid_argument("app: component \"" + name + "\" is a null pointer");
  component& at = *it;
  return handle<component>(at, adopt(std::move(name), std::move(it), stands_on));
}

handle<component> app::add(std::string name, functions verbs, needs stands_on) {
  check_addition(name);
  auto failed = [this, name](std::string why) { fail(name, std::move(why)); };
  auto it = make_component(name, std::move(verbs), log(), std::move(failed));
  return add(std::move(name), std::move(it), std::move(stands_on));
}

void app::check_addition(const std::string& name) const {
  if (parts_->begun) {
    throw std::logic_error("app: component \"" + name + "\" is added after the start; add all before run() or start()");
  }
  if (name.empty()) throw std::invalid_argument("app: a component without a name can't be reported; name it");
  if (parts_->life.has(name)) {
    throw std::invalid_argument("app: there is a component \"" + name + "\" already; give this one another name");
  }
}

component_ref app::adopt(std::string name, std::unique_ptr<component> it, const needs& stands_on, bool needed_by_all) {
  check_addition(name);  // again: its constructor may have added one of the same name
  std::vector<std::size_t> indices;
  for (const component_ref& need : stands_on) {
    if (need.owner_ != this) {
      throw std::invalid_argument("app: component \"" + name + "\" needs " +
                                  (need.owner_ == nullptr ? "an empty handle" : "a component of another app") +
                                  "; pass the handle that add() of this app returned");
    }
    indices.push_back(need.index_);
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return component_ref(this, parts_->life.add(std::move(name), std::move(it), std::move(indices), needed_by_all));
}

void app::also_reload(std::function<void()> f) {
  parts& p = *parts_;
  if (p.begun) throw std::logic_error("app: also_reload() comes before run() or start()");
  p.reload->hooks.push_back(std::move(f));
  if (p.hup_reloads || p.catches_hup || p.hup_is_taken) return;
  p.catches_hup.emplace(std::vector<int>{SIGHUP}, [&p](const signal_record&) { p.in->ask_to_reload(); });
  p.keep_in_mind(SIGHUP);
}

void app::keep_shared(const void* type, void* at, component_ref ref) {
  auto& all = parts_->shared;
  const bool known = std::any_of(all.begin(), all.end(), [&](const auto& s) { return s.type == type; });
  if (!known) all.push_back({type, at, ref});
}

void* app::find_shared(const void* type) {
  for (const parts::shared_component& s : parts_->shared) {
    if (s.type != type) continue;
    if (!parts_->constructions.empty()) parts_->constructions.back().push_back(s.ref);
    return s.at;
  }
  return nullptr;
}

int app::run() {
  parts& p = *parts_;
  if (p.begun) throw std::logic_error("app: run() comes once, and not after start()");
  p.check_process();
  p.life.arrange();
  p.dog.emplace(p.life.current_position(), p.life.names(), p.chosen.report_file);
  p.start();
  serve_and_end();
  p.publish();
  p.leave_if_hung();
  p.destroy();
  if (p.armed_for != time_point::max()) watch_exit(p.armed_for + watchdog_slack);
  return p.said->exit_code;
}

void app::serve_and_end() {
  parts& p = *parts_;
  for (; p.in->asked() == nullptr; p.in->driver().wait(p.time, p.life.next_wake())) p.serve();
  p.end(p.whole_budget(), p.in->asked()->at - p.served(p.in->asked()->at));
}

void app::start() {
  parts& p = *parts_;
  if (p.begun) throw std::logic_error("app: start() comes once, and not with run()");
  p.check_process();
  p.embedded.store(true, std::memory_order_relaxed);
  const auto result = p.start();
  if (result == lifecycle::start_result::started) return;
  p.end(p.whole_budget(), p.in->asked()->at);
  if (result == lifecycle::start_result::failed) std::rethrow_exception(p.life.failure());
  throw std::runtime_error("app: the start was ended: " + p.cause_text());
}

const report& app::shutdown(deadline by) {
  parts& p = *parts_;
  if (p.said) return *p.said;
  if (!p.begun) throw std::logic_error("app: shutdown() without start()");
  const time_point now = p.time.now();
  p.in->ask_as_driver(p.stamped({.trigger = trigger::request}));
  // A shorter time than the grace period is divided as the grace period is.
  const duration time = by.remaining(now);
  const double share = std::min(1.0, to_ms(time) / to_ms(p.chosen.grace));
  const auto part = [&](duration of) { return std::chrono::duration_cast<duration>(of * share); };
  const duration delay = std::max(part(p.chosen.readiness_delay) - p.served(now), duration::zero());
  p.end({.grace = time, .reserve = part(p.chosen.reserve), .readiness_delay = delay}, now);
  return *p.said;
}

void app::request_shutdown(std::string why) noexcept {
  parts_->in->ask(parts_->stamped({.trigger = trigger::request, .why = std::move(why)}));
}

void app::fail(std::string_view component, std::string why) noexcept {
  why.insert(0, "component \"" + std::string(component) + "\" failed: ");
  parts_->log.error("app", why);
  {
    const std::lock_guard lock(parts_->failures_mutex);
    parts_->failures.push_back(why);
  }
  parts_->in->ask(parts_->stamped({.trigger = trigger::failed_component, .why = std::move(why)}));
}

void app::request_shutdown(const signal_record& by) noexcept {
  parts_->in->ask(parts_->stamped({.trigger = trigger::signal, .signal = by}));
}

void app::request_force() noexcept { parts_->in->force(); }

bool app::asked_to_end() const noexcept { return parts_->in->asked() != nullptr; }

void app::announce() noexcept { parts_->in->announce(parts_->time.now()); }

bool app::ready() const noexcept { return parts_->life.started() && !asked_to_end() && !parts_->in->announced(); }

app_status app::status() const {
  const parts& p = *parts_;
  app_status s = p.life.status();
  s.ready = ready();
  std::optional<time_point> announced = p.in->announced();
  if (const shutdown_request* by = p.in->asked()) {
    s.cause = p.cause_text();
    announced = std::min(announced.value_or(by->at), by->at);
  }
  if (announced) s.announced = std::max(p.time.now() - *announced, duration::zero());
  return s;
}

void app::measure(metrics& into) const {
  const app_status s = status();
  into.gauge("lastcall_ready", "Whether all has started and the end is not announced.", s.ready);
  for (std::size_t i = 0; i < app_phases; ++i) {
    const auto phase = static_cast<app_phase>(i);
    into.gauge("lastcall_phase", "1 for the phase the app is in.", s.phase == phase, {{"phase", to_text(phase)}});
  }
  for (const component_status& c : s.components) {
    into.of_component(c.name);
    for (std::size_t i = 0; i < component_states; ++i) {
      const auto state = static_cast<component_state>(i);
      into.gauge("lastcall_component_state", "1 for the state a component is in.", c.state == state,
                 {{"state", to_text(state)}});
    }
  }
  into.of_component({});
  into.gauge("lastcall_components_left", "Components that have started and have not stopped.",
             static_cast<double>(s.running()));
  if (s.left)
    into.gauge("lastcall_shutdown_left_seconds", "Time until the deadline of the shutdown.", to_ms(*s.left) / 1000);
  into.counter("lastcall_log_lines_dropped_total", "Lines of log that nobody read.", parts_->log.dropped());
  parts_->life.measure(into);
}

duration app::readiness_left() const noexcept {
  const parts& p = *parts_;
  return p.chosen.readiness_delay - p.served(p.time.now());
}

lastcall::logger& app::log() noexcept { return parts_->log; }

const clock& app::time() const noexcept { return parts_->time; }

}  // namespace lastcall::inline v0
