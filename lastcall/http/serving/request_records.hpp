// The requests of one connection whose end is not known yet, for statistics and the access log. Not the ledger: its
// session counts that itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/serving/access_log.hpp"
#include "lastcall/http/serving/request_stats.hpp"

namespace lastcall::inline v0::net {
class endpoint;
}

namespace lastcall::inline v0::http {
class request;
}

namespace lastcall::inline v0::http::detail {

/// Allocates nothing without a sink, once it has its capacity. A sink is empty or is called once for each request.
/// Threads: its loop's only.
class request_records {
 public:
  /// The first byte of a request is here.
  void begin(time_point now) noexcept {
    begun_ = now;
    status_ = 0;
    bytes_ = 0;
  }
  time_point begun() const noexcept { return begun_; }
  /// Of a response whose body follows its head: the head, the body piece by piece, its end.
  void head_sent(int status) noexcept { status_ = status; }
  void more_body(std::uint64_t bytes) noexcept { bytes_ += bytes; }
  void body_sent(const access_sink& sink, const request& r, const net::endpoint& remote, request_end as) noexcept;
  /// It has its response, which is not sent yet. `r` is null when its head never was complete.
  void responded(const access_sink& sink, const request* r, const net::endpoint& remote, int status,
                 std::uint64_t bytes, request_end as);
  struct unsent {
    time_point begun;
    int status;
  };
  /// The one that has responded and is not sent; from here on it is the caller's to tell of. Empty, and nothing has
  /// changed: there is not exactly one, or a sink wants to hear of it.
  std::optional<unsent> hand_out(const access_sink& sink) noexcept {
    if (sink || unsent_.size() != 1) return std::nullopt;
    const unsent one{unsent_.front().begun, unsent_.front().status};
    unsent_.clear();
    return one;
  }
  /// The kernel has every byte of all that have responded. `forced`: what they said was last words.
  void sent(const access_sink& sink, request_stats& stats, time_point now, bool forced) noexcept;
  /// The connection has ended: those not sent yet, and the one without a response if there is one, end with it.
  void cut(const access_sink& sink, bool open, const request* r, const net::endpoint& remote, time_point now,
           request_end as) noexcept;

 private:
  struct entry {
    time_point begun;
    std::uint64_t bytes;
    int status;
    request_end ended;
    std::uint32_t text[5];  // sizes of remote, method, target, request id and trace id, one behind the other in text_
  };

  void tell(const access_sink& sink, time_point now) noexcept;

  time_point begun_{};
  int status_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<entry> unsent_;
  std::string text_;
};

}  // namespace lastcall::inline v0::http::detail
