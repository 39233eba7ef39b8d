#include "lastcall/http/routing/handler.hpp"

#include <stdexcept>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

handler&& handler::timeout(duration time) && {
  if (time <= duration::zero() || time > deadline::longest)
    throw std::invalid_argument("handler: timeout = " + lastcall::to_text(time) + "; give more than 0 and at most 24h");
  options_.timeout = time;
  return std::move(*this);
}

namespace detail {

response erased_handler::answer(const request&, const context&, call*) const { return status_only(500); }
void erased_handler::answer_later(const request&, const context&, responder) const {}
response_task erased_handler::run(const request&, const context&, call&) const { co_return status_only(500); }

}  // namespace detail
}  // namespace lastcall::inline v0::http
