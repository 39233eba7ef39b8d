// How long a listener waits for handshakes in flight before it is closed, and why it was closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

struct settle_options {
  duration floor = std::chrono::milliseconds(5);  ///< The shortest wait before and after the look that finds none.
  duration cap = std::chrono::seconds(3);         ///< After it, handshakes in flight are given up.
  duration cap_without_evidence = std::chrono::seconds(1);  ///< The same where the kernel does not let us look.
  int look_rarity = 10;  ///< The time between two looks is at least this many times the time of one.
};

/// Why the listener is closed; in the report.
enum class settle_end : unsigned char {
  settled,           ///< No handshake was in flight: nothing is lost.
  without_evidence,  ///< We could not look, and waited for the cap instead.
  capped,            ///< Some did not finish in time (often a SYN flood or a scan).
  stuck              ///< Clients in the queue could not be accepted in time (no descriptors).
};

constexpr std::string_view to_text(settle_end end) noexcept {
  constexpr std::string_view names[] = {"settled", "without evidence", "capped", "stuck"};
  return names[static_cast<std::size_t>(end)];
}

}  // namespace lastcall::inline v0::net
