// How an HTTP/2 connection says goodbye without losing a stream: the whole decision, as events and time in, actions
// out. Sends nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::http::detail {

/// What is to be done now.
enum class h2_action : std::uint8_t {
  none,
  notice,  ///< GOAWAY with the largest id, and a PING: no stream is refused yet, and nothing crosses it unseen
  last,    ///< GOAWAY with the last stream that was seen; further ones are refused
  close,   ///< nothing is left that was promised: FIN
};

/// A client learns of the end by the first GOAWAY and opens no further stream. Its acknowledgement of the PING stands
/// behind all that it had sent before: those streams are served, so the second GOAWAY cuts nobody. A client that does
/// not acknowledge is waited for a share of the time only.   Source: RFC 9113 section 6.8.
class h2_farewell {
 public:
  /// The drain has reached this connection. A second call does nothing.
  h2_action tell(time_point now, time_point drain_end) noexcept;
  /// The PING came back.
  h2_action acknowledged() noexcept;
  /// Time has passed.
  h2_action passed(time_point now) noexcept;
  /// That many streams are not finished. Call it after `last` was carried out.
  h2_action open(std::size_t streams) noexcept;

  /// When `passed` has something to say; max for never.
  time_point due() const noexcept { return stage_ == stage::noticed ? by_ : time_point::max(); }

  /// How long the PING may take of what is left until the drain end: a tenth, and never more than a second.
  static duration patience(duration left) noexcept;

 private:
  enum class stage : std::uint8_t { serving, noticed, last, closed };

  h2_action say_last() noexcept;

  stage stage_ = stage::serving;
  time_point by_{};
};

}  // namespace lastcall::inline v0::http::detail
