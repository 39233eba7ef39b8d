// How long the client of one request may take to send it, and what becomes of it when the time is over: first its head,
// then its body. Pure: events and time in. Reads no byte.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/requests/access_log.hpp"
#include "lastcall/http/requests/refusals.hpp"

namespace lastcall::inline v0::http::detail {

/// A head has head_time. A body that is collected has body_time. One that the handler takes in pieces has body_time,
/// and one second more for each 16 KiB that came; only time in which the handler waits counts.
class body_pacing {
 public:
  static constexpr std::uint64_t least_bytes_per_second = 16 * 1024;
  /// A body of which nothing came for so long is the client's fault, also at the drain end.
  static constexpr duration stands_still = std::chrono::seconds(2);

  /// The first byte of a head is here.
  void begin(time_point now, duration head_time) noexcept {
    *this = body_pacing();
    due_ = now + head_time;
  }
  /// The head is complete, and the body is collected.
  void collect(time_point now, duration body_time) noexcept {
    head_is_over_ = true;
    last_byte_ = now;
    due_ = now + body_time;
  }
  void came(std::uint64_t bytes, time_point now) noexcept {
    received_ += bytes;
    last_byte_ = now;
  }
  /// The handler waits for the next piece.
  void wait(time_point now, duration body_time) noexcept {
    head_is_over_ = waiting_ = true;
    last_byte_ = wait_began_ = now;
    const duration may_take = body_time + std::chrono::seconds(received_ / least_bytes_per_second) - waited_;
    due_ = now + std::max(may_take, duration::zero());
  }
  /// False: the handler did not wait.
  bool end_wait(time_point now) noexcept {
    if (!waiting_) return false;
    waited_ += now - wait_began_;
    waiting_ = false;
    return true;
  }

  /// A handler waits for the client.
  bool waiting() const noexcept { return waiting_; }
  /// Of the body.
  std::uint64_t received() const noexcept { return received_; }
  /// When the client must have sent what is awaited now.
  time_point due() const noexcept { return due_; }

  struct verdict {
    server_refusal told;
    request_end ended;
  };
  /// The wait ends now. Before `due` it is the drain that ends it: then the server cuts a body that comes on, however
  /// slowly, and not the client.
  verdict overdue(time_point now) const noexcept {
    if (!head_is_over_) return {refusals::head_too_slow, request_end::rejected};
    if (now < due_ && now - last_byte_ < stands_still) return {refusals::stopping, request_end::forced};
    return {refusals::body_too_slow, request_end::rejected};
  }

 private:
  time_point due_{};
  time_point last_byte_{};  // or the begin of the wait, if that is later
  time_point wait_began_{};
  duration waited_{};
  std::uint64_t received_ = 0;
  bool head_is_over_ = false;
  bool waiting_ = false;
};

}  // namespace lastcall::inline v0::http::detail
