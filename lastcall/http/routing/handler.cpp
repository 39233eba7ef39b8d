#include "lastcall/http/routing/handler.hpp"

#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http::detail {

response erased_handler::answer(const request&, const context&, call*) const { return status_only(500); }
void erased_handler::answer_later(const request&, const context&, responder) const {}
response_task erased_handler::run(const request&, const context&, call&) const { co_return status_only(500); }

}  // namespace lastcall::inline v0::http::detail
