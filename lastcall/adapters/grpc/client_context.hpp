// A grpc::ClientContext for a call that is made on behalf of another piece of work: it has the time that is left of
// that, and ends with it.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <optional>

#include "lastcall/core/context/context.hpp"

namespace lastcall::inline v0::grpc {

namespace detail {

/// What a call may take of the time that remains to its caller. Empty: as long as it likes. The margin is at most half
/// of what remains.
constexpr std::optional<duration> onward_time(duration remaining, duration margin) noexcept {
  if (remaining == duration::max()) return std::nullopt;
  return remaining - (margin < remaining / 2 ? margin : remaining / 2);
}

struct cancel_call {
  ::grpc::ClientContext* of;
  void operator()() const noexcept { of->TryCancel(); }
};

}  // namespace detail

/// For one call: `client_context call(ctx); stub->Hello(call, request, &reply);`. It lives until the call has ended.
/// Its deadline is the end of `with`, as far as that is known, less a margin in which the handler still answers its own
/// caller; it is cancelled when `with` is forced. Sets nothing else, and passes no metadata on.
/// Threads: as a ClientContext.
class client_context {
 public:
  static constexpr duration usual_margin = std::chrono::milliseconds(20);

  /// Errors: std::invalid_argument for a margin that is negative or more than 24 h.
  explicit client_context(const context& with, duration margin = usual_margin);
  client_context& operator=(client_context&&) = delete;

  ::grpc::ClientContext& operator*() noexcept { return call_; }
  ::grpc::ClientContext* operator->() noexcept { return &call_; }
  /// For the first argument of a stub's calls.
  operator ::grpc::ClientContext*() noexcept { return &call_; }  // NOLINT: meant to be implicit

 private:
  ::grpc::ClientContext call_;
  const stop_callback<detail::cancel_call> cancelled_;
};

}  // namespace lastcall::inline v0::grpc
