// What a handler, loop or worker is told about the end: two stages, because "finish what you have" and "drop it" are
// different events. Not a bag of values, and not a timer: the drain end is a fact to read.
#pragma once

#include <memory>
#include <source_location>
#include <stop_token>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Why a context ended, as far as it has.
enum class cause : unsigned char { none, draining, forced, client_gone, deadline };

const char* to_text(cause why) noexcept;

namespace detail {
class context_state;
struct wait_note;
}  // namespace detail

/// A view of somebody's end. Copies share it and stay valid after the source is gone.
/// Threads: every member from any.
class context {
 public:
  /// The background: never drains. Allocates nothing.
  context() noexcept = default;

  bool draining() const noexcept;
  /// Implies `draining()`.
  bool forced() const noexcept;
  lastcall::cause cause() const noexcept;
  /// The moment at which what is left will be forced; time_point::max() until draining began.
  time_point drain_end() const noexcept;

  /// True: the time passed. False: draining began, at once if it had.   Blocks: for at most `time`, on the steady
  /// clock.
  bool wait_for(duration time) const;
  /// The same for the second stage.
  bool wait_until_forced_for(duration time) const;

  /// A stop callback runs on the thread that ends the context, or at once; it must not throw.
  std::stop_token draining_token() const;
  std::stop_token forced_token() const;

  /// What is waited for with it, in the words of `waiting`, the latest first: "the stock (orders.cpp:42)". Empty:
  /// nobody has said anything.
  std::string waits_for() const;

 private:
  friend class context_source;
  friend class waiting;
  explicit context(std::shared_ptr<detail::context_state> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<detail::context_state> state_;  // null: background
};

/// While it lives, whoever tells what a shutdown waits for says what the work with this context waits for, and where in
/// the code. For coroutines above all: one that is suspended holds no thread, and so has no stack to be seen.
/// `const waiting here(ctx, "the stock"); co_await stock.reserve();`   Threads: may end on another one than it began
/// on.
class waiting {
 public:
  explicit waiting(const context& with, std::string_view what,
                   std::source_location at = std::source_location::current());
  ~waiting();
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;

 private:
  context with_;
  std::unique_ptr<detail::wait_note> note_;
};

/// The one who ends a context. Ends nothing by being destroyed. Costs one allocation, and one more per kind of token
/// used. Threads: every member from any, except moving.   Blocks: for as long as the stop callbacks run.
class context_source {
 public:
  context_source();
  /// A child drains and is forced with its parent, with the parent's drain end and cause; its own end does not touch
  /// the parent. The link is gone with the child's last context.
  explicit context_source(const context& parent);

  context get() const noexcept { return context(state_); }
  /// The first call counts.
  void begin_drain(time_point drain_end, lastcall::cause why = cause::draining) noexcept;
  /// Begins the drain too if it had not begun; its drain end is then now. The first call counts.
  void force(lastcall::cause why = cause::forced) noexcept;

 private:
  std::shared_ptr<detail::context_state> state_;
};

}  // namespace lastcall::inline v0
