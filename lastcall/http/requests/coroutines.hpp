// A pool of coroutines. Each serves one call after another, so that a request costs a resume and not a new coroutine.
#pragma once

#include <memory>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

class call;
struct call_environment;

/// Threads: the loop's only, except the destructor: it runs after the loop has stopped, and before its io_context is
/// destroyed.
class coroutines {
 public:
  explicit coroutines(std::shared_ptr<const call_environment>);
  ~coroutines();

  /// A call to `begin`. The caller owns the reference.
  call& borrow();

  /// Runs the call: at once in a free coroutine, or soon in a new one. Adds a reference.
  void run(call&);

  /// Destroys the free coroutines and keeps none from now on, so that an io_context of the user can return.
  /// Threads: any.
  void close_soon() noexcept;

 private:
  struct shared;
  const std::shared_ptr<shared> shared_;
};

}  // namespace lastcall::inline v0::http::detail
