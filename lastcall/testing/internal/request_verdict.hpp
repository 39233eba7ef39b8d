// How a request ended, seen from the client: facts in, one verdict out, and counts that add up. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// How one attempt ended. From `reset` to `garbage` are the kinds of lost.
enum class verdict : unsigned char {
  answered,
  reset,           // lost: the connection was reset before the response was complete
  eof,             // lost: an orderly end, and not one byte of response
  truncated,       // lost: an orderly end in the middle of the response
  timeout,         // lost: nothing more came in time
  garbage,         // lost: not a response, a wrong response, or bytes without a request
  late,            // not answered; our kernel had received the remote's end before we began to send
  refused_before,  // connect() got ECONNREFUSED, before the signal
  refused_after,   // ... after the signal
  connect_failed,  // connect() failed in another way, or got no answer in time
  own_limit,       // the client's machine has no free port or descriptor: not the server's fault
};
inline constexpr std::size_t verdicts = 11;

std::string_view to_text(verdict) noexcept;
constexpr bool is_lost(verdict v) noexcept { return v >= verdict::reset && v <= verdict::garbage; }

/// How far an attempt had come when it ended.
enum class progress : unsigned char { connecting, connected, receiving };

/// The event that ended it.
enum class ending : unsigned char { complete, malformed, fin, rst, timeout, refused, unreachable, own_limit };

/// What the verdict depends on.
struct request_facts {
  progress reached = progress::connecting;
  testing::ending ending = testing::ending::complete;
  bool end_was_there =
      false;  // on a reused connection: the kernel held the remote's FIN or RST right before the first byte was sent
  bool after_signal = false;  // when it ended
};

/// A reset during connect is lost, since the listener had taken the handshake. Only ECONNREFUSED is refused.
verdict judge(const request_facts&) noexcept;

/// The attempts of one load. Each begins once and ends once.
class request_counts {
 public:
  void begin() noexcept { ++begun_; }
  void end(verdict v) noexcept { ++counts_[static_cast<std::size_t>(v)]; }
  /// One that was counted as answered is garbage: more bytes came after it.
  void spoil() noexcept;
  void sent() noexcept { ++sent_; }

  std::uint64_t begun() const noexcept { return begun_; }
  std::uint64_t sent_requests() const noexcept { return sent_; }  // at least one byte was sent
  std::uint64_t count(verdict v) const noexcept { return counts_[static_cast<std::size_t>(v)]; }
  std::uint64_t ended() const noexcept;
  std::uint64_t outstanding() const noexcept { return begun_ - ended(); }
  std::uint64_t lost() const noexcept;
  request_counts& operator+=(const request_counts&) noexcept;

 private:
  std::uint64_t begun_ = 0;
  std::uint64_t sent_ = 0;
  std::array<std::uint64_t, verdicts> counts_{};
};

}  // namespace lastcall::inline v0::testing
