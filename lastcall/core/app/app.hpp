// An app: the components of a program, the signals that end it, the report and the exit code. Not a framework: it owns
// no event loop. A program with a loop of its own uses start() and shutdown().
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
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
  template <class C> friend class handle;
  component_ref(const app* owner, std::size_t index, std::weak_ptr<const component> there) noexcept
      : owner_(owner), index_(index), there_(std::move(there)) {}

  const app* owner_ = nullptr;
  std::size_t index_ = 0;
  std::weak_ptr<const component> there_;  // expired: the component is destroyed
};

namespace detail {
[[noreturn]] void refuse_handle(bool empty);
}

/// Points to a component, which its app owns. run() destroys the components before it returns, and ~app those that are
/// left: then the handle is false, and using it is an error that says so. It may outlive the app.
/// Threads: any. But it does not keep the component: end your own threads that use it before run() ends, in a stop().
template <class C> class handle {
 public:
  handle() = default;

  /// Errors: std::logic_error when it is empty, or the component is destroyed.
  C& operator*() const { return *operator->(); }
  C* operator->() const {
    if (!*this) detail::refuse_handle(at_ == nullptr);
    return at_;
  }
  /// It points to a component that is there.
  explicit operator bool() const noexcept { return !ref_.there_.expired(); }
  operator component_ref() const noexcept { return ref_; }

 private:
  friend class app;
  handle(C& at, component_ref ref) noexcept : at_(&at), ref_(std::move(ref)) {}

  C* at_ = nullptr;
  component_ref ref_;
};

/// The components that a component needs: it starts after them, and has stopped before they drain.
using needs = std::vector<component_ref>;

namespace detail {
class rehearsal;  // of lastcall/testing

template <class C>
inline char type_key = 0;  // its address is the key; not const, so that a linker does not merge two of them
}  // namespace detail

/// Threads: one thread builds, starts and ends it; a member that may be called from any thread says so. The verbs of
/// components run on threads of their own, the verbs of one component one after the other.
class app {
 public:
  /// Catches signals from here on: make it the first statement of main(), but after a fork (daemon(3)). Opens /dev/null
  /// for each of the descriptors 0, 1 and 2 that is not open. Errors: std::invalid_argument names the value and the
  /// remedy.
  explicit app(app_options options = {});
  app& operator=(app&&) = delete;
  /// Ends what still runs, within the reserve. A component that hangs is not destroyed and stays in memory. A static
  /// app while another thread is in its run(), start() or shutdown() (std::exit): ends nothing, leaves all in memory,
  /// and the process exits with the code that it was given. Restores the earlier signal handlers, except after a run()
  /// that a signal has ended: then further signals are ignored until the process is gone.
  ~app();

  /// Makes a C from (options, *this), or else from (options). An empty `options.name` is set to `name`. What its
  /// constructor gets with shared() becomes a need. With a static C::needed_by_all, all others need it: it starts first
  /// and drains last. Errors: std::invalid_argument for an empty or taken name, or a need of another app;
  /// std::logic_error after the start.
  template <class C> handle<C> add(std::string name, typename C::options options = {}, needs stands_on = {});
  handle<component> add(std::string name, std::unique_ptr<component> it, needs stands_on = {});
  /// A component made of functions: app.add("x", {.run = …, .drain = …}). If its run fails, the app shuts down.
  handle<component> add(std::string name, functions verbs, needs stands_on = {});
  /// A worker: runs work(context) on a thread of its own. It must return when its context drains, and may return
  /// earlier: while (ctx.wait_for(1s)) beat(). If it throws, the app shuts down.
  template <std::invocable<context> F> handle<component> add(std::string name, F work, needs stands_on = {}) {
    return add(std::move(name), functions{.run = std::move(work), .may_return = true}, std::move(stands_on));
  }

  /// Calls `f` at each SIGHUP in run() that reloads, after on_reload: for components that read changed files. What
  /// SIGHUP is does not change by it: app_options::sighup. `f` may be called until run() returns, also while its
  /// component ends. Errors: exceptions of `f` are logged; std::logic_error after the start.
  void also_reload(std::function<void()> f);

  /// Not ready while `why` returns a text, as "postgres: no connection for 12s": /readyz answers 503, the admin
  /// listener's with the text. `why` may be called until the app is destroyed, from any thread, several times at once,
  /// and must not block. What it throws is the text. Errors: std::logic_error after the start.
  void ready_unless(std::function<std::string()> why);

  /// Not alive while `why` returns a text, as "runtime: a loop has not come round for 3s": systemd gets no sign of life
  /// (WatchdogSec=), and ends the service. Asked in run(), at half of that time, on the thread of run(); must not
  /// block. What it throws is the text. Errors: std::logic_error after the start.
  void alive_unless(std::function<std::string()> why);

  /// Under systemd with FileDescriptorStoreMax=: a copy of `fd` (a socket, a memfd) outlives this process, and the next
  /// one finds it by find_passed_descriptor(name). The same name again adds another one. Not kept across a stop and a
  /// later start, only across a restart. Errors: not_supported without systemd; what sendmsg(2) says;
  /// std::invalid_argument for a name that is not 1 to 255 printable characters without a colon. Threads: any. Source:
  /// sd_notify(3).
  std::error_code keep_descriptor(std::string_view name, int fd);
  /// What was kept under that name is closed by systemd.   Errors: as above.   Threads: any.
  std::error_code forget_descriptor(std::string_view name);

  /// The C that components share: the first that was added, or else one that is added now, with default options and the
  /// name C::shared_name.
  template <class C> C& shared();

  /// Starts everything, serves until a signal or a request, shuts down, writes the report, destroys the components, and
  /// returns the exit code: core/exit/exit_code.hpp names them all.
  /// It owns the process. If a component hangs, its threads may still run, so run() does not return: after the report
  /// the process exits with 4, without destructors and exit handlers. It also exits with 4, 60 ms after the deadline,
  /// when a destructor, the log, a static object or an exit handler hangs, or when main() has not destroyed the app by
  /// then. A third signal exits with 128+n. Errors: std::invalid_argument when the minimum times of the components do
  /// not fit into the grace period; std::logic_error in another process than the app was made in.
  int run();

  /// For programs with a loop of their own: starts everything. shutdown() is its counterpart. The app never exits such
  /// a process, not even at a third signal. Errors: std::runtime_error when a component fails to start, with its
  /// exception nested (std::throw_with_nested), or when a shutdown is requested meanwhile; what had started is stopped
  /// first.
  void start();
  /// Ends everything by the deadline; at once if it is in the past. Never exits the process. The report names the
  /// components that hang; ~app leaves them in memory. A second call returns the same report.
  const report& shutdown(deadline by);

  /// Ends readiness before the shutdown is requested, which must follow (a Kubernetes preStop hook runs before
  /// SIGTERM). All components announce, and continue to serve. The time between this call and the shutdown
  /// request is subtracted from the readiness delay and from the grace period, at most as much as the readiness delay.
  /// After start() the components announce only in shutdown(). It can't be undone; only the first call counts. Threads:
  /// any; takes no lock.
  void announce() noexcept;

  /// Requests the end of run(). Only the first request counts.   Threads: any; takes no lock. Not for signal handlers.
  void request_shutdown(std::string cause) noexcept;
  /// The same, for a signal that the program has received itself (a signalfd, Asio's signal_set). The report names it
  /// and its sender. The grace period counts from its `at`, if that is set.
  void request_shutdown(const signal_record& by) noexcept;
  /// Cuts what is left, as a second signal does: the drain end is now, the deadline a reserve later. Before a request
  /// for the shutdown it takes effect with that request.   Threads: any; takes no lock. Not for signal handlers.
  void request_force() noexcept;

  /// A component has failed while it ran: requests the shutdown. The exit code is 1, unless something was forced or
  /// hangs.   Threads: any. Not for signal handlers.
  void fail(std::string_view component, std::string cause) noexcept;

  /// A signal or a request has come. After start() nothing else happens by itself: the program must call shutdown().
  bool asked_to_end() const noexcept;

  /// All have started, neither an announcement nor a request for the end has come, and nothing is said against it
  /// (`ready_unless`): what /readyz says.   Threads: any.
  bool ready() const noexcept;

  /// The state of the app and its components. After the start.   Threads: any.
  app_status status() const;
  /// Adds the numbers of the app and of every component that has started. After the start.   Threads: any.
  void measure(metrics& into) const;
  /// Before an announcement: the whole readiness delay. After it: what is left of it.   Threads: any.
  duration readiness_left() const noexcept;

  /// The last part of the grace period (of the time of a shutdown, once that has begun), for what is forced. Half of it
  /// later others no longer wait for that, so a component bounds by it what force makes it do.   Threads: any.
  duration reserve() const noexcept;

  lastcall::logger& log() noexcept;
  const clock& time() const noexcept;

 private:
  friend class detail::rehearsal;  // does what run() does, except for exiting the process
  struct parts;

  void check_addition(const std::string& name) const;
  /// Calls `make`. Returns the needs, and what shared() has returned meanwhile.
  needs construct(needs stated, const std::function<void()>& make);
  component_ref adopt(std::string name, std::unique_ptr<component> it, const needs& stands_on,
                      bool needed_by_all = false);
  void serve_and_end();
  void keep_shared(const void* type, void* at, component_ref ref);
  void* find_shared(const void* type);

  parts* parts_;  // owned; never set to null, since threads may still use it while the process exits
};

template <class C> handle<C> app::add(std::string name, typename C::options options, needs stands_on) {
  check_addition(name);
  if constexpr (requires { options.name.empty(), options.name = name; }) {
    if (options.name.empty()) options.name = name;
  }
  std::unique_ptr<C> it;
  stands_on = construct(std::move(stands_on), [&] {
    if constexpr (std::constructible_from<C, typename C::options, app&>) {
      it = std::make_unique<C>(std::move(options), *this);
    } else {
      it = std::make_unique<C>(std::move(options));
    }
  });
  C& at = *it;
  const component_ref ref = adopt(std::move(name), std::move(it), stands_on, requires { C::needed_by_all; });
  if constexpr (requires { C::shared_name; }) keep_shared(&detail::type_key<C>, &at, ref);
  return handle<C>(at, ref);
}

template <class C> C& app::shared() {
  if (void* at = find_shared(&detail::type_key<C>)) return *static_cast<C*>(at);
  add<C>(std::string(C::shared_name));
  return *static_cast<C*>(find_shared(&detail::type_key<C>));
}

}  // namespace lastcall::inline v0
