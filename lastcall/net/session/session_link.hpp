// What a session and its handler share: how the handler waits for the remote, and how other threads reach the session.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/loop/parked_step.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

class session;

/// The two waits of a handler: it may read in one coroutine and write in another.
enum class handler_side : unsigned char { reading, writing };

/// The session holds it, and so does each handler: either may be gone first.
/// Threads: the loop's only, except `life`, `remote` and members that say otherwise.
class session_link : public std::enable_shared_from_this<session_link> {
 public:
  session_link(session& host, net::loop& loop, const endpoint& remote) noexcept
      : host_(&host), loop_(loop), remote_(remote) {}

  /// Null once the connection has ended.
  session* host() const noexcept { return host_; }
  /// Draining once the session was told, at its own moment of the jitter window. Forced when the connection has ended.
  const context& life() const noexcept { return life_; }
  const endpoint& remote() const noexcept { return remote_; }
  /// To be called before the handler begins: a proxy has said where the client is.
  void set_remote(const endpoint& client) { remote_ = client; }

  /// Calls `step` now, and again whenever the remote does something, until it returns true. One at a time on each side.
  /// The session may end meanwhile, so the caller keeps the link alive: see `finished`.
  /// Errors: std::logic_error on another thread than the loop's, or when a coroutine waits on that side already.
  task<> until(function<bool()> step, handler_side = handler_side::reading);
  /// The same for a handler that blocks a thread; `step` still runs on the loop. False: the session has ended.
  /// Threads: any but the loop's.   Blocks: until `step` is true; the limits of the session bound that.
  /// Errors: std::logic_error on the loop's thread, which it would block for ever, or when somebody waits there
  /// already.
  bool until_blocking(const function<bool()>& step, handler_side = handler_side::reading);

  /// Runs `f` on the loop, soon, unless the session has ended by then.   Threads: any.
  void post(function<void(session&)> f);
  /// Runs `f` on the loop, soon, also when the session has ended by then. False: it has ended already, and the loop may
  /// be gone.   Threads: any.
  bool post_to_loop(function<void()> f);
  /// The session has not ended, and the calling thread is its loop's.   Threads: any.
  bool is_here() noexcept;
  /// To compare its address, not to use it.   Threads: any.
  const net::loop& loop() const noexcept { return loop_; }

 private:
  friend class session;

  void begin_wait(handler_side) noexcept;
  void end_wait(handler_side side) noexcept { waits_[static_cast<std::size_t>(side)] = false; }
  bool waits() const noexcept { return waits_[0] || waits_[1]; }
  void wake() noexcept;
  void session_ended(cause why) noexcept;
  function<void()>& waiter(handler_side side) noexcept { return waiters_[static_cast<std::size_t>(side)]; }

  std::mutex mutex_;  // other threads read host_ under it; while host_ is set, the loop exists
  session* host_;
  net::loop& loop_;
  endpoint remote_;
  context_source life_source_;
  const context life_ = life_source_.get();
  function<void()> waiters_[2];  // continues the handler; empty: woken, or it does not wait
  handler_steps steps_;
  bool waits_[2] = {};  // its step was false; still true while it is woken, until the step is true
};

/// A coroutine until the step is true; then it returns the step's `result`. It keeps the link alive, and the step.
template <class Step>
task<decltype(Step::result)> finished(std::shared_ptr<session_link> link, Step step,
                                      handler_side side = handler_side::reading) {
  co_await link->until([&step] { return step(); }, side);
  co_return std::move(step.result);
}

}  // namespace lastcall::inline v0::net
