#include "lastcall/adapters/grpc/client_context.hpp"

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::grpc {

client_context::client_context(const context& with, duration margin)
    : cancelled_(with.forced_token(), detail::cancel_call{&call_}) {
  lastcall::detail::option_check("grpc::client_context").time("margin", margin);
  if (const auto time = detail::onward_time(with.remaining(), margin))
    call_.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(*time));
}

}  // namespace lastcall::inline v0::grpc
