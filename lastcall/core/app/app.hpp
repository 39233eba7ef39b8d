// The whole of a program that ends well: its components, the signals that end it, the report and the exit code. Not a
// framework: it owns no event loop, and start() and shutdown() put it into a program that has its own.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/app/app_options.hpp"
#include "lastcall/core/app/functions.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/app_status.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0 {

class app;
struct signal_record;

/// Names a component of one app, whatever its type.
class component_ref {
 public:
  component_ref() = default;

 private:
  friend class app;
  component_ref(const app* owner, std::size_t index) noexcept : owner_(owner), index_(index) {}

  const app* owner_ = nullptr;
  std::size_t index_ = 0;
};

/// Points to a component that its app owns: as long as the app lives, or until run() returns.
template <class C> class handle {
 public:
  handle() = default;

  C& operator*() const noexcept { return *at_; }
  C* operator->() const noexcept { return at_; }
  explicit operator bool() const noexcept { return at_ != nullptr; }
  operator component_ref() const noexcept { return ref_; }

 private:
  friend class app;
  handle(C& at, component_ref ref) noexcept : at_(&at), ref_(ref) {}

  C* at_ = nullptr;
  component_ref ref_;
};

/// What a component stands on: it starts after them and has stopped before they drain.
using needs = std::vector<component_ref>;

namespace detail {
class rehearsal;  // of lastcall/testing

template <class C> inline char type_key = 0;  // its address is the key; not const, so that no linker folds two into one
}  // namespace detail

/// Threads: one thread builds, starts and ends it; what may be called from any says so. Verbs of components run on
/// threads of their own, those of one component one after the other.
class app {
 public:
  /// Signals are caught from here on: make it the first statement of main(), but after a fork (daemon(3)). Opens
  /// /dev/null for those of the descriptors 0, 1 and 2 that the process was started without.
  /// Errors: std::invalid_argument names the value and the remedy.
  explicit app(app_options options = {});
  app(const app&) = delete;
  app& operator=(const app&) = delete;
  /// Ends what still runs, within the reserve. A component that hangs then is left in memory rather than destroyed.
  /// The signal handlers from before come back, except after a run() that was ended by a signal: then its repetitions
  /// stay without effect until the process is gone.
  ~app();

  /// Makes a C from (options, *this), or else from (options), whose `name`, if it has an empty one, becomes this. What
  /// its constructor asks for with shared() becomes a need. With a static C::needed_by_all, all others need it,
  /// wherever it is added: it starts first and drains last. Errors: std::invalid_argument for an empty or taken name or
  /// a need of another app, std::logic_error once started.
  template <class C> handle<C> add(std::string name, typename C::options options = {}, needs stands_on = {});
  handle<component> add(std::string name, std::unique_ptr<component> it, needs stands_on = {});
  /// Makes one of functions: app.add("x", {.run = …, .drain = …}). When its run fails, the app ends in order.
  handle<component> add(std::string name, functions verbs, needs stands_on = {});
  /// A worker: runs work(context) in a thread of its own, which is to return once its context drains, and may before:
  /// while (ctx.wait_for(1s)) beat(). When it throws, the app ends in order.
  template <std::invocable<context> F> handle<component> add(std::string name, F work, needs stands_on = {}) {
    return add(std::move(name), functions{.run = std::move(work), .may_return = true}, std::move(stands_on));
  }

  /// Has `f` called at each SIGHUP in run(), after on_reload: for components that take in changed files. From here on
  /// SIGHUP is caught, unless it ends the app or `signals` is empty. `f` may be called until run() returns, also while
  /// its component ends. Errors: what it throws is logged; std::logic_error once started.
  void also_reload(std::function<void()> f);

  /// The one C of this app: the first that was added, or else one with default options, added now under C::shared_name.
  template <class C> C& shared();

  /// Starts everything, serves until a signal or a request, shuts down, writes the report.
  /// Destroys the components, and returns the exit code: 0 drained, 1 a component failed, at its start or later, 3
  /// something was forced, 4 a component hung. It owns the process. When a component hangs, whose threads may still be
  /// at work, it does not return: the process exits with 4, without destructors and exit handlers, once the report is
  /// written. The same happens by the watch 60 ms after the deadline when a destructor of a component or the log hangs,
  /// when main() has not destroyed the app by then, and when static objects or exit handlers hang after it. At a third
  /// signal it exits with 128+n.
  /// Errors: std::invalid_argument when the least times that the components state do not fit into the budget;
  /// std::logic_error in another process than it was made in.
  int run();

  /// For programs that have their own loop: starts everything. Pair it with shutdown().
  /// From here on nothing exits the process: a third signal neither.
  /// Errors: what the component threw, inside a std::runtime_error that names it (std::throw_with_nested); before that,
  /// what had started is stopped again. The same when a signal or request_shutdown() came in between.
  void start();
  /// Ends everything; with `by` in the past, at once. Returns the same report when called again.
  /// Never exits the process, and returns by the deadline, naming those that hang; ~app leaves them in memory.
  const report& shutdown(deadline by);

  /// Ends readiness before the end itself is asked for, which is expected to follow (a Kubernetes preStop hook runs
  /// before SIGTERM). All components announce; everything goes on being served. Of the readiness delay, and of the
  /// grace period as well, what passes from here on counts as served, so that a shutdown lasts as long as if it had
  /// begun here. With start() instead of run() the components announce with the shutdown. There is no way back; the
  /// first call counts. Threads: any; takes no lock.
  void announce() noexcept;

  /// Asks run() to end. The first to ask counts.   Threads: any; takes no lock. Not for signal handlers.
  void request_shutdown(std::string why) noexcept;
  /// The same by a signal that the program received by its own means (a signalfd, Asio's signal_set): the report names
  /// it and its sender. Its `at`, if set, is when the time begins to count.
  void request_shutdown(const signal_record& by) noexcept;
  /// Cuts what is left, as a second signal does: the drain end is now, the deadline a reserve later. Before the
  /// end was asked for it waits for that.   Threads: any; takes no lock. Not for signal handlers.
  void request_force() noexcept;

  /// A component has failed while it ran: ends run() in order, as request_shutdown() does. Exit code 1 unless something
  /// was forced or hangs.   Threads: any. Not for signal handlers.
  void fail(std::string_view component, std::string why) noexcept;

  /// A signal or a request came. After start() that is all that happens: it is for the embedding program to call
  /// shutdown().
  bool asked_to_end() const noexcept;

  /// All have started, and nobody has announced or asked for the end: what /readyz says.   Threads: any.
  bool ready() const noexcept;

  /// Where everything stands. From the start on.   Threads: any.
  app_status status() const;
  /// Adds the numbers of the app and of every component that has started. From the start on.   Threads: any.
  void measure(metrics& into) const;
  /// What of the readiness delay is still to be waited for once announced; all of it before.   Threads: any.
  duration readiness_left() const noexcept;

  lastcall::logger& log() noexcept;
  const clock& time() const noexcept;

 private:
  friend class detail::rehearsal;  // does what run() does, but for the process
  struct parts;
  class construction {  // while it lives, what shared() hands out is noted as a need of what is being constructed
   public:
    explicit construction(app& owner);
    ~construction();
    construction(const construction&) = delete;
    construction& operator=(const construction&) = delete;
    needs with(needs stated) const;

   private:
    app& owner_;
  };

  void check_addition(const std::string& name) const;
  component_ref adopt(std::string name, std::unique_ptr<component> it, const needs& stands_on,
                      bool needed_by_all = false);
  void serve_and_end();
  void keep_shared(const void* type, void* at, component_ref ref);
  void* find_shared(const void* type);

  std::unique_ptr<parts> parts_;
};

template <class C> handle<C> app::add(std::string name, typename C::options options, needs stands_on) {
  check_addition(name);
  if constexpr (requires { options.name.empty(), options.name = name; }) {
    if (options.name.empty()) options.name = name;
  }
  construction under_way(*this);
  std::unique_ptr<C> it;
  if constexpr (std::constructible_from<C, typename C::options, app&>) {
    it = std::make_unique<C>(std::move(options), *this);
  } else {
    it = std::make_unique<C>(std::move(options));
  }
  C& at = *it;
  const component_ref ref =
      adopt(std::move(name), std::move(it), under_way.with(std::move(stands_on)), requires { C::needed_by_all; });
  if constexpr (requires { C::shared_name; }) keep_shared(&detail::type_key<C>, &at, ref);
  return handle<C>(at, ref);
}

template <class C> C& app::shared() {
  if (void* at = find_shared(&detail::type_key<C>)) return *static_cast<C*>(at);
  add<C>(std::string(C::shared_name));
  return *static_cast<C*>(find_shared(&detail::type_key<C>));
}

}  // namespace lastcall::inline v0
