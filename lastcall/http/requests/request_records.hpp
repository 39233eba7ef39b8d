// What the access log and the statistics need of the requests whose end is not known yet, for one connection. It is not
// the ledger: the connection counts that itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/requests/access_log.hpp"
#include "lastcall/http/requests/request_stats.hpp"

namespace lastcall::inline v0::net {
class endpoint;
}

namespace lastcall::inline v0::http {
class request;
}

namespace lastcall::inline v0::http::detail {

/// Without an access log it allocates nothing, once its vector has grown. A sink is called once for each request.
/// Threads: the loop's only.
class request_records {
 public:
  /// The first byte of a request arrived.
  void begin(time_point now) noexcept {
    begun_ = now;
    status_ = 0;
    bytes_ = 0;
  }
  time_point begun() const noexcept { return begun_; }
  /// For a response whose body follows its head: the head, the body piece by piece, the end.
  void head_sent(int status) noexcept { status_ = status; }
  void more_body(std::uint64_t bytes) noexcept { bytes_ += bytes; }
  void body_sent(const access_sink& sink, const request* r, const net::endpoint& remote, request_end as) noexcept;
  /// The request has a response, which is not sent yet. `r` is null if the head was never complete.
  void responded(const access_sink& sink, const request* r, const net::endpoint& remote, int status,
                 std::uint64_t bytes, request_end as);
  /// Takes out the one response that is not sent; the caller records it. Empty, without a change, if there is not
  /// exactly one, or if there is an access log.
  std::optional<sent_response> hand_out(const access_sink& sink) noexcept {
    if (sink || unsent_.size() != 1) return std::nullopt;
    const sent_response one = unsent_.front().is;
    unsent_.clear();
    return one;
  }
  /// The kernel has every byte of these responses. `forced`: they came after the drain end.
  void sent(const access_sink& sink, route_stats& stats, time_point now, bool forced) noexcept;
  /// The connection has ended: so have the responses that are not sent, and, if `open`, the request without a response.
  void cut(const access_sink& sink, bool open, const request* r, const net::endpoint& remote, time_point now,
           request_end as) noexcept;

 private:
  struct texts {
    std::string remote, method, target, request_id, trace_id;
    std::string_view route;
  };
  struct entry {
    sent_response is;
    std::uint64_t bytes;
    request_end ended;
    std::unique_ptr<const texts> said;  // with an access log only
  };

  void tell(const access_sink& sink, time_point now) noexcept;

  time_point begun_{};
  int status_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<entry> unsent_;
};

}  // namespace lastcall::inline v0::http::detail
