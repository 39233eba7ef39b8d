#include "lastcall/core/app/functions.hpp"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "lastcall/core/exception_text.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/put_off_signals.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {

namespace {

// How long between two looks at whether it is ready: another library offers nothing better than to be asked.
constexpr duration look_again = std::chrono::milliseconds(1);

using failure_text = std::optional<std::string>;

template <class F> failure_text failure_of(const F& call) {
  try {
    call();
    return std::nullopt;
  } catch (...) {
    return to_text(std::current_exception());
  }
}

// Shared with the threads of `run` and `drain`, which may outlast the component if it hangs.
struct state {
  using lock = std::unique_lock<std::mutex>;

  state(std::string of, functions verbs, logger to, function<void(std::string)> tells)
      : name(std::move(of)), does(std::move(verbs)), log(std::move(to)), failed(std::move(tells)) {}

  const std::string name;
  const functions does;  // called without the lock
  const logger log;
  context_source life;  // what the functions see: a child of the component's own context

  std::mutex mutex;  // guards the rest
  std::condition_variable returned;
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
  failure_text failure;
  bool run_failed = false;

  void expect_end() {
    if (!std::exchange(told, true)) told_at = steady().now();
    failed = nullptr;
  }

  // The first one counts; all are said.
  void note(lock&, const std::string& what) {
    log.error(name, what);
    if (!failure) failure = what;
  }
  template <class F> bool attempt(const char* what, const F& call) {
    const failure_text threw = failure_of(call);
    if (!threw) return true;
    lock held(mutex);
    note(held, std::string(what) + " threw: " + *threw);
    return false;
  }

  // On the thread of `run`.
  void run() {
    const failure_text threw = failure_of([&] { does.run(life.get()); });
    lock held(mutex);
    running = false;
    const bool was_told = told || life.get().draining();
    if (threw || !(was_told || does.may_return)) {
      const std::string what = was_told ? "its run threw" : "its run ended by itself";
      const std::string why = threw ? what + ": " + *threw : what;
      note(held, why);
      run_failed = true;
      // Under the lock, so that drain, force and stop do not return meanwhile. While it starts, start itself throws.
      if (failed && !starting) failed(why);
    }
    leave(held);
  }

  // On the thread of `drain`.
  void drain(const context& ends) {
    if (does.ready) {
      while (still_unready() && !attempt_ready() && !ends.forced()) ends.wait_until_forced_for(look_again);
    }
    if (!attempt("drain", [&] { does.drain(ends); })) force();
    lock held(mutex);
    in_drain = false;
    leave(held);
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

  void leave(lock& held) {
    --under_way;
    returned.notify_all();
    finish(held);
  }
  // Gives the lock up.
  void finish(lock& held) {
    drained call;
    if (under_way == 0) call = std::exchange(done, nullptr);
    held.unlock();
    if (call) call();
  }
};

void name_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());  // as much as the kernel keeps
}

class component_of_functions final : public component {
 public:
  component_of_functions(std::string name, functions verbs, logger log, function<void(std::string)> failed)
      : state_(std::make_shared<state>(std::move(name), std::move(verbs), std::move(log), std::move(failed))) {}

  // Only one that was never stopped has threads left.
  ~component_of_functions() override {
    for (std::thread* each : {&run_, &drain_})
      if (each->joinable()) each->detach();
  }

  void start(context ends) override {
    state& s = *state_;
    {
      const state::lock held(s.mutex);
      s.life = context_source(ends);
      s.began = steady().now();
    }
    if (s.does.start) s.does.start(s.life.get());
    try {
      begin_run(ends);
      wait_until_ready(ends);
      const state::lock held(s.mutex);
      s.starting = false;
      if (s.failure && !s.told) throw std::runtime_error(*s.failure);
    } catch (...) {
      undo_start();
      throw;
    }
  }

  void announce() noexcept override {
    state& s = *state_;
    if (s.does.announce) s.attempt("announce", [&] { s.does.announce(); });
  }

  void drain(context ends, drained done) override {
    state& s = *state_;
    s.life.begin_drain(ends.drain_end());
    state::lock held(s.mutex);
    s.expect_end();
    s.done = std::move(done);
    if (!begin_drain(held, ends)) {
      ++s.under_way;
      s.in_drain = true;
      held.unlock();
      return s.drain(ends);  // on this thread, then
    }
    s.finish(held);
  }

  void force() noexcept override {
    state& s = *state_;
    {
      state::lock held(s.mutex);
      s.expect_end();
      if (!s.does.force) begin_drain(held, s.life.get());
    }
    s.force();
  }

  // Forced instead of drained, it comes while the functions are still about to return: then this waits for them, and it
  // is the lifecycle that does not wait for ever.
  void stop() noexcept override {
    state& s = *state_;
    {
      const state::lock held(s.mutex);
      s.expect_end();
    }
    join();
    if (s.does.stop) s.attempt("stop", [&] { s.does.stop(); });
  }

  void measure(metrics& into) const override {
    if (state_->does.measure) state_->does.measure(into);
  }

  // Once told to end: which of the two does not return, and for how long. Before: only what waits and says for what.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override {
    state& s = *state_;
    if (s.does.in_progress) s.does.in_progress(out, limit);
    const state::lock held(s.mutex);
    std::string waits_for = s.life.get().waits_for();
    if (!s.told && waits_for.empty()) return;
    const duration age = steady().now() - (s.told ? s.told_at : s.began);
    const auto add = [&](const char* label) {
      if (out.size() < limit) out.push_back({.label = label, .age = age, .waits_for = std::exchange(waits_for, {})});
    };
    if (s.told && s.in_drain) add("drain");
    if (s.running) add("run");
    if (!waits_for.empty()) add("its own work");
  }

  shutdown_times times() const override { return state_->does.takes; }

  void account(component_report& out) const override {
    state& s = *state_;
    {
      const state::lock held(s.mutex);
      out.failed = s.run_failed;
      if (s.failure) out.add("failure", report_value(*s.failure));
    }
    if (s.does.account) s.does.account(out);
  }

 private:
  void begin_run(const context& ends) {
    state& s = *state_;
    const state::lock held(s.mutex);
    if (!s.does.run || s.told || ends.draining()) return;
    const detail::signals_kept_out from_it;
    run_ = std::thread([kept = state_] {
      name_thread(kept->name);
      const watched_thread here(kept->name, "run");
      const activity doing("run", kept->name);
      kept->run();
    });
    s.running = true;
    ++s.under_way;
  }

  void wait_until_ready(const context& ends) {
    state& s = *state_;
    if (!s.does.ready) return;
    while (!s.does.ready()) {
      {
        const state::lock held(s.mutex);
        if (s.does.run && !s.running && !ends.draining())
          throw std::runtime_error("its run ended before it was ready" + (s.failure ? ": " + *s.failure : ""));
      }
      if (!ends.wait_for(look_again)) return;  // it is drained instead, which goes on waiting
    }
    const state::lock held(s.mutex);
    s.was_ready = true;
  }

  void undo_start() {
    state& s = *state_;
    state::lock held(s.mutex);
    s.expect_end();
    if (s.running) begin_drain(held, s.life.get());
    held.unlock();
    s.force();
    join();
    if (s.does.stop) s.attempt("stop", [&] { s.does.stop(); });
  }

  // False when there is no thread for it.
  bool begin_drain(state::lock& held, const context& ends) {
    state& s = *state_;
    if (!s.does.drain || over_ || std::exchange(s.drains, true)) return true;
    s.in_drain = true;
    try {
      const detail::signals_kept_out from_it;
      drain_ = std::thread([kept = state_, ends] {
        name_thread(kept->name);
        const watched_thread here(kept->name, "drain");
        const activity doing("drain", kept->name);
        kept->drain(ends);
      });
      ++s.under_way;
      return true;
    } catch (const std::system_error& none_left) {
      s.in_drain = false;
      s.note(held, std::string("no thread to drain in: ") + none_left.what());
      return false;
    }
  }

  void join() {
    state::lock held(state_->mutex);
    over_ = true;
    std::thread each[] = {std::exchange(run_, {}), std::exchange(drain_, {})};
    held.unlock();
    for (std::thread& one : each)
      if (one.joinable()) one.join();
  }

  const std::shared_ptr<state> state_;
  // Guarded by the state's mutex.
  std::thread run_;
  std::thread drain_;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<component> make_component(std::string name, functions verbs, logger log,
                                          function<void(std::string)> failed) {
  const bool any =
      verbs.start || verbs.run || verbs.ready || verbs.announce || verbs.drain || verbs.force || verbs.stop;
  if (!any)
    throw std::invalid_argument("component \"" + name +
                                "\" has nothing to do; give it run, or start, or any other verb");
  return std::make_unique<component_of_functions>(std::move(name), std::move(verbs), std::move(log), std::move(failed));
}

}  // namespace lastcall::inline v0
