// Middleware: code that runs before, after or around handlers. It is a function from handler to handler; it knows no
// routes.
#pragma once

#include <optional>

#include "lastcall/core/function.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

namespace detail {
class wrapped_around;
}

/// Applied when a route is added, see router::use.
using middleware = function<handler(handler)>;

/// The handler, or the next middleware, for `around` to call. Called at most once.
class next_handler {
 public:
  /// The answer of the handler, in any form.   Errors: what it throws.
  task<response> operator()() const;

 private:
  friend detail::wrapped_around;
  next_handler(const detail::erased_handler& inner, const request& r, const context& c, detail::call& call) noexcept
      : inner_(inner), request_(r), context_(c), call_(call) {}

  const detail::erased_handler& inner_;
  const request& request_;
  const context& context_;
  detail::call& call_;
};

// Errors of the three, when they are made: std::invalid_argument for an empty function.

/// Runs `look` before the handler, where the handler runs; a response that it returns is sent in the handler's place.
/// The handler keeps its form.
middleware before(function<std::optional<response>(const request&)> look);

/// Runs `change` on the handler's answer, on the thread that answers. The handler keeps its form. Not called when it
/// throws.
middleware after(function<void(const request&, response&)> change);

/// Runs `wrap` in place of the handler, which it may call; the route becomes a coroutine. A handler that blocks still
/// does so on the pool.
middleware around(function<task<response>(const request&, const context&, const next_handler&)> wrap);

/// A timeout for all routes around which it stands, see handler::timeout. A route's own wins, and of two of these the
/// inner one. The handler keeps its form.
/// Errors: as handler::timeout.
middleware timeout(duration time);

}  // namespace lastcall::inline v0::http
