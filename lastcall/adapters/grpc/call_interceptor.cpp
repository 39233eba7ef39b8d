#include "lastcall/adapters/grpc/call_interceptor.hpp"

#include <grpc/support/time.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "lastcall/adapters/grpc/calls.hpp"

namespace lastcall::inline v0::grpc::detail {

namespace {

using ::grpc::experimental::InterceptionHookPoints;

/// Until the caller's deadline, which may have passed. Empty: it has set none.
std::optional<duration> time_left(const ::grpc::ServerContextBase& of) {
  constexpr std::int64_t a_year = std::int64_t{365} * 24 * 60 * 60;
  const gpr_timespec by = of.raw_deadline();  // deadline() has a range of 292 years, and a client's time may go beyond
  const gpr_timespec left = gpr_time_sub(by, gpr_now(by.clock_type));
  if (left.tv_sec > a_year) return std::nullopt;
  return std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
}

class call_interceptor final : public ::grpc::experimental::Interceptor {
 public:
  call_interceptor(std::shared_ptr<calls> all, ::grpc::experimental::ServerRpcInfo& of)
      : all_(std::move(all)), of_(of) {}

  // The first of these comes before the handler. It never comes for a request of an asynchronous service that the
  // shutdown takes back, for which gRPC makes an interceptor, too.
  void Intercept(::grpc::experimental::InterceptorBatchMethods* at) override {
    if (at->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      auto& context = *of_.server_context();
      call_.emplace(all_, &context, of_.method(), context.peer(), time_left(context));
    }
    if (call_ && at->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) call_->answered();
    if (call_ && at->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_CLOSE)) call_->is_over();
    at->Proceed();
  }

 private:
  const std::shared_ptr<calls> all_;
  ::grpc::experimental::ServerRpcInfo& of_;
  std::optional<call> call_;
};

class call_interceptors final : public ::grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit call_interceptors(std::shared_ptr<calls> all) : all_(std::move(all)) {}

  // gRPC owns it, and takes null for "none".
  ::grpc::experimental::Interceptor* CreateServerInterceptor(::grpc::experimental::ServerRpcInfo* of) override {
    if (std::string_view(of->method()).starts_with("/grpc.health.v1.Health/")) return nullptr;
    return std::make_unique<call_interceptor>(all_, *of).release();
  }

 private:
  const std::shared_ptr<calls> all_;
};

}  // namespace

std::unique_ptr<::grpc::experimental::ServerInterceptorFactoryInterface> counted_in(std::shared_ptr<calls> all) {
  return std::make_unique<call_interceptors>(std::move(all));
}

}  // namespace lastcall::inline v0::grpc::detail
