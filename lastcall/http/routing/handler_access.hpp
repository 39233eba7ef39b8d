// What connections and middleware do with a handler, which programs must not.
#pragma once

#include <memory>
#include <utility>

#include "lastcall/http/routing/handler.hpp"

namespace lastcall::inline v0::http::detail {

struct handler_access {
  /// The call of its form.
  static const erased_handler& erased(const handler& h) noexcept { return *h.call_; }
  /// Leaves it empty.
  static std::unique_ptr<const erased_handler> release(handler& h) noexcept { return std::move(h.call_); }
  static handler make(std::unique_ptr<const erased_handler> call, const route_options& o) noexcept {
    handler made;
    made.call_ = std::move(call);
    made.options_ = o;
    return made;
  }
};

}  // namespace lastcall::inline v0::http::detail
