#include "lastcall/core/app/functions.hpp"

#include <pthread.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/put_off_signals.hpp"

namespace lastcall::inline v0 {

namespace {

// How long between two looks at whether it is ready: another library offers nothing better than to be asked.
constexpr duration look_again = std::chrono::milliseconds(1);
constexpr duration longest_flush = std::chrono::milliseconds(100);

// Shared with the threads of `run` and `drain`, which may outlast the component if it hangs.
struct state {
  using lock = std::unique_lock<std::mutex>;

  state(std::string of, functions verbs, logger to, function<void(std::string)> tells)
      : name(std::move(of)), does(std::move(verbs)), log(std::move(to)), failed(std::move(tells)) {}

  const std::string name;
  const functions does;  // called without the lock
  const logger log;
  context_source life;  // what the functions see: a child of the component's own context

  std::mutex mutex;                    // guards the rest
  function<void(std::string)> failed;  // empty once the end was asked for: then who is to be told may be gone
  drained done;
  int under_way = 0;  // threads
  bool starting = true;
  bool running = false;
  bool was_ready = false;
  bool told = false;
  time_point began{}, told_at{};
  bool drains = false;
  bool in_drain = false;
  bool forced = false;
  std::optional<std::string> failure;
  bool work_failed = false;  // run or drain; what else throws is only told

  void expect_end() {
    if (!std::exchange(told, true)) told_at = steady().now();
    failed = nullptr;
  }

  // The first one counts; all are logged.
  void note(lock&, const std::string& what) {
    log.error(name, what);
    if (!failure) failure = what;
  }
  template <class F> bool attempt(const char* what, const F& call) {
    const auto failed_by = [&](const std::exception_ptr& threw) {
      lock held(mutex);
      note(held, std::string(what) + " threw: " + to_text(threw));
    };
    try {
      const std::exception_ptr threw = exception_of(call);
      if (threw) failed_by(threw);
      return !threw;
    } catch (const forced_unwind&) {
      failed_by(std::make_exception_ptr(thread_ended()));
      log.flush(longest_flush);  // out of announce, force or stop, which are noexcept, it ends the process
      throw;
    }
  }

  // On the thread of `run`.
  void run() {
    try {
      run_over(exception_of([&] { does.run(life.get()); }));
    } catch (const forced_unwind&) {
      run_over(std::make_exception_ptr(thread_ended()));
      throw;
    }
  }
  void run_over(const std::exception_ptr& threw) {
    lock held(mutex);
    running = false;
    const bool was_told = told || life.get().draining();
    if (threw || !(was_told || does.may_return)) {
      const std::string what = was_told ? "its run threw" : "its run ended by itself";
      const std::string cause = threw ? what + ": " + to_text(threw) : what;
      work_failed = true;
      if (!told && starting) {  // start throws it
        if (!failure) failure = cause;
      } else if (failed) {  // the app logs it. Under the lock, so that drain, force and stop do not return meanwhile
        if (!failure) failure = cause;
        failed(cause);
      } else {
        note(held, cause);
      }
    }
    --under_way;
    finish(held);
  }

  // On the thread of `drain`.
  void drain(const context& ends) {
    try {
      if (does.ready) {
        while (still_unready() && !attempt_ready() && !ends.forced()) ends.wait_until_forced_for(look_again);
      }
      if (!attempt("drain", [&] { does.drain(ends); })) drain_failed();
    } catch (const forced_unwind&) {
      drain_failed();
      drain_over();
      throw;
    }
    drain_over();
  }
  void drain_failed() {
    {
      const lock held(mutex);
      work_failed = true;
    }
    force();
  }
  void drain_over() {
    lock held(mutex);
    in_drain = false;
    --under_way;
    finish(held);
  }
  bool still_unready() {
    const lock held(mutex);
    return running && !was_ready;
  }
  bool attempt_ready() {
    bool is = true;
    attempt("ready", [&] { is = does.ready(); });
    return is;
  }

  void force() {
    {
      const lock held(mutex);
      if (std::exchange(forced, true)) return;
    }
    life.force();
    if (does.force) attempt("force", [&] { does.force(); });
  }

  // Gives the lock up.
  void finish(lock& held) {
    drained call;
    if (under_way == 0) call = std::exchange(done, nullptr);
    held.unlock();
    if (call) call();
  }
};

class component_of_functions final : public component {
 public:
  component_of_functions(std::string name, functions verbs, logger log, function<void(std::string)> failed)
      : state_(std::make_shared<state>(std::move(name), std::move(verbs), std::move(log), std::move(failed))) {}

  // Only one that was never stopped has threads left.
  ~component_of_functions() override {
    for (detail::own_thread* each : {&run_, &drain_})
      if (each->joinable()) each->detach();
  }

  void start(context ends) override {
    {
      const state::lock held(s_.mutex);
      s_.life = context_source(ends);
      s_.began = steady().now();
    }
    if (s_.does.start) s_.does.start(s_.life.get());
    try {
      begin_run(ends);
      wait_until_ready(ends);
      const state::lock held(s_.mutex);
      s_.starting = false;
      if (s_.failure && !s_.told) throw std::runtime_error(*s_.failure);
    } catch (...) {
      undo_start();
      throw;
    }
  }

  void announce() noexcept override {
    if (s_.does.announce) s_.attempt("announce", [&] { s_.does.announce(); });
  }

  void drain(context ends, drained done) override {
    s_.life.begin_drain(ends.drain_end());
    state::lock held(s_.mutex);
    s_.expect_end();
    s_.done = std::move(done);
    if (!begin_drain(held, ends)) {
      ++s_.under_way;
      s_.in_drain = true;
      held.unlock();
      return s_.drain(ends);  // on this thread, then
    }
    s_.finish(held);
  }

  void force() noexcept override {
    {
      state::lock held(s_.mutex);
      s_.expect_end();
      if (!s_.does.force) begin_drain(held, s_.life.get());
    }
    s_.force();
  }

  // Forced instead of drained, it comes while the functions are still about to return: then this waits for them, and it
  // is the lifecycle that does not wait for ever.
  void stop() noexcept override {
    {
      const state::lock held(s_.mutex);
      s_.expect_end();
    }
    join();
    if (s_.does.stop) s_.attempt("stop", [&] { s_.does.stop(); });
  }

  void measure(metrics& into) const override {
    if (s_.does.measure) s_.does.measure(into);
  }

  // Once told to end: which of the two does not return, and for how long. Before: only what waits and says for what.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override {
    if (s_.does.in_progress) s_.does.in_progress(out, limit);
    const state::lock held(s_.mutex);
    std::string waits_for = s_.life.get().waits_for();
    if (!s_.told && waits_for.empty()) return;
    const duration age = steady().now() - (s_.told ? s_.told_at : s_.began);
    const auto add = [&](const char* label) {
      if (out.size() < limit) out.push_back({.label = label, .age = age, .waits_for = std::exchange(waits_for, {})});
    };
    if (s_.told && s_.in_drain) add("drain");
    if (s_.running) add("run");
    if (!waits_for.empty()) add("its own work");
  }

  shutdown_times times() const override { return s_.does.takes; }

  void account(component_report& out) const override {
    {
      const state::lock held(s_.mutex);
      out.failed = s_.work_failed;
      if (s_.failure) out.add("failure", report_value(*s_.failure));
    }
    if (s_.does.account) s_.does.account(out);
  }

 private:
  template <class F> detail::own_thread thread_for(const char* what, F body) {
    const detail::signals_kept_out from_it;
    return detail::own_thread([kept = state_, what, body] {
      ::pthread_setname_np(::pthread_self(), kept->name.substr(0, 15).c_str());  // as much as the kernel keeps
      const watched_thread here(kept->name, what);
      const activity doing(what, kept->name);
      body(*kept);
    });
  }

  void begin_run(const context& ends) {
    const state::lock held(s_.mutex);
    if (!s_.does.run || s_.told || ends.draining()) return;
    run_ = thread_for("run", [](state& of) { of.run(); });
    s_.running = true;
    ++s_.under_way;
  }

  void wait_until_ready(const context& ends) {
    if (!s_.does.ready) return;
    bool run_is_over = false;
    while (!s_.does.ready()) {  // asked once more when the run is over: it may have been ready in between
      {
        const state::lock held(s_.mutex);
        if (run_is_over)
          throw std::runtime_error("its run ended before it was ready" + (s_.failure ? ": " + *s_.failure : ""));
        run_is_over = s_.does.run && !s_.running && !ends.draining();
      }
      if (!run_is_over && !ends.wait_for(look_again)) return;  // it is drained instead, which goes on waiting
    }
    const state::lock held(s_.mutex);
    s_.was_ready = true;
  }

  void undo_start() {
    state::lock held(s_.mutex);
    s_.expect_end();
    if (s_.running) begin_drain(held, s_.life.get());
    held.unlock();
    s_.force();
    stop();
  }

  // False when there is no thread for it.
  bool begin_drain(state::lock& held, const context& ends) {
    if (!s_.does.drain || over_ || std::exchange(s_.drains, true)) return true;
    s_.in_drain = true;
    try {
      drain_ = thread_for("drain", [ends](state& of) { of.drain(ends); });
      ++s_.under_way;
      return true;
    } catch (const std::system_error& none_left) {
      s_.in_drain = false;
      s_.note(held, std::string("no thread to drain in: ") + none_left.what());
      return false;
    }
  }

  void join() {
    state::lock held(s_.mutex);
    over_ = true;
    detail::own_thread each[] = {std::exchange(run_, {}), std::exchange(drain_, {})};
    held.unlock();
    for (detail::own_thread& one : each)
      if (one.joinable()) one.join();
  }

  const std::shared_ptr<state> state_;
  state& s_ = *state_;
  // Guarded by the state's mutex.
  detail::own_thread run_;
  detail::own_thread drain_;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<component> make_component(std::string name, functions verbs, logger log,
                                          function<void(std::string)> failed) {
  const bool any = verbs.start || verbs.run || verbs.ready || verbs.announce || verbs.drain || verbs.force ||
                   verbs.stop || verbs.account || verbs.measure || verbs.in_progress;
  if (!any)
    throw std::invalid_argument("component \"" + name + "\" has no function; give it run, or start, or any other");
  return std::make_unique<component_of_functions>(std::move(name), std::move(verbs), std::move(log), std::move(failed));
}

}  // namespace lastcall::inline v0
