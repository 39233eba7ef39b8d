// Long-lived coroutines that take one call after the other: a request pays for a resumption, not for a coroutine's
// birth.
#pragma once

#include <memory>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

class call;
struct call_environment;

/// Threads: its loop's only, but for the destructor, which comes when nobody runs that loop any more, and before its
/// io_context goes.
class coroutines {
 public:
  explicit coroutines(std::shared_ptr<const call_environment>);
  ~coroutines();

  /// A call that has ended, or a new one; the reference is the caller's.
  call& borrow();

  /// Runs the call, at once if a coroutine is free; else soon, in a new one. Takes a reference of its own.
  void run(call&);

  /// Lets go of those that are free, and keeps none from now on, so that an io_context that is not ours may end.
  /// Threads: any.
  void close_soon() noexcept;

 private:
  struct shared;
  const std::shared_ptr<shared> shared_;
};

}  // namespace lastcall::inline v0::http::detail
