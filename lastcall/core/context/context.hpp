// Tells a handler, loop or worker that the end has come, in two stages: "finish what you have" and "drop it" are
// different events; and how much time is left until then. It carries no values.
#pragma once

#include <chrono>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/stop_token.hpp"
#include "lastcall/core/deadline.hpp"

namespace lastcall::inline v0 {

/// Why a context ended; none: it has not.
enum class cause : unsigned char { none, draining, forced, client_gone, deadline };

const char* to_text(cause what) noexcept;

namespace detail {
struct wait_note;
}  // namespace detail

/// What a context_source says. Copies share its state and stay valid after the source is gone.
/// Threads: any.
class context {
 public:
  /// A context that never drains. Does not allocate.
  context() noexcept = default;

  bool draining() const noexcept;
  /// Implies `draining()`. A deadline has passed as soon as this reads the clock, whether or not any thread runs.
  bool forced() const noexcept;
  lastcall::cause cause() const noexcept;
  /// When the work that is left will be forced. time_point::max() before draining begins.
  time_point drain_end() const noexcept;

  /// When this will be forced, as far as it is known: the nearest of its own deadline, its parent's, and, once draining
  /// has begun, the drain end. time_point::max(): not known yet.
  time_point end() const noexcept;
  /// The time until `end()`, but not more than `most`. Never negative; zero: no time is left, or it was forced.
  duration remaining(duration most = duration::max()) const noexcept;
  /// The same in milliseconds, for poll, libcurl and libpq. Rounded up: zero only when no time is left. Ask for that
  /// first, since for many libraries zero means "for ever".
  int remaining_ms(duration most = deadline::longest) const noexcept;
  /// The same on the clock that gRPC and files use, not more than `most` from now on.
  std::chrono::system_clock::time_point system_end(duration most = deadline::longest) const;

  /// True: the time has passed. False: draining began; at once if it had begun before.   Blocks: for at most `time`, on
  /// the steady clock.
  bool wait_for(duration time) const;
  /// The same for `forced`.
  bool wait_until_forced_for(duration time) const;

  /// For `stop_callback`, and for functions that take a std::stop_token.
  stop_token draining_token() const noexcept { return {state_, detail::stage::draining}; }
  stop_token forced_token() const noexcept { return {state_, detail::stage::forced}; }

  /// What the objects of `waiting` with this context say, the latest first: "the stock (orders.cpp:42)". Empty: there
  /// are none.
  std::string waits_for() const;

 private:
  friend class context_source;
  friend class waiting;
  explicit context(std::shared_ptr<detail::context_state> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<detail::context_state> state_;  // null: background
};

/// While it lives, log lines and the report name what the work with this context waits for, and the place in the code.
/// Most useful in coroutines: a suspended coroutine holds no thread, so no stack shows where it waits.
/// `const waiting here(ctx, "the stock"); co_await stock.reserve();`   Threads: any; may be destroyed on another
/// thread.
class waiting {
 public:
  explicit waiting(const context& with, std::string_view what,
                   std::source_location at = std::source_location::current());
  ~waiting();
  waiting& operator=(waiting&&) = delete;

 private:
  context with_;
  std::unique_ptr<detail::wait_note> note_;
};

/// Ends contexts. Its destruction does not end them. Costs one allocation.
/// Threads: any, except for moving it.   Blocks: while the stop callbacks run.
class context_source {
 public:
  context_source();
  /// A child of `parent`: it drains and is forced when the parent is, with the parent's drain end and cause. Ending the
  /// child does not end the parent. The link lasts as long as the child has a context.
  explicit context_source(const context& parent);
  /// It is forced at `by` at the latest, with cause `deadline`. Costs two allocations.
  context_source(const context& parent, deadline by);

  context get() const noexcept { return context(state_); }
  /// Only the first call counts.
  void begin_drain(time_point drain_end, lastcall::cause cause = cause::draining) noexcept;
  /// If the drain has not begun, begins it too, with a drain end of now. Only the first call counts.
  void force(lastcall::cause cause = cause::forced) noexcept;

 private:
  std::shared_ptr<detail::context_state> state_;
};

/// A child of `parent` that is forced after `time`, with cause `deadline`: `query(within(ctx, 2s), …)`. Costs two
/// allocations and no timer; one thread of the library begins with the first that somebody waits for by a callback.
/// Errors: std::invalid_argument when the time is negative or more than 24 h.
template <class R, class P> context within(const context& parent, std::chrono::duration<R, P> time) {
  return context_source(parent, deadline(time)).get();
}

}  // namespace lastcall::inline v0
