// What the kernel counts about TCP that no program sees for itself: connections that were reset with data in them, and
// those that never reached accept(). Of the whole network namespace, so of every process in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Source: /proc/net/netstat, in the kernel's Documentation/networking/snmp_counter.rst.
struct kernel_counters {
  std::uint64_t reset_on_close = 0;  ///< TCPAbortOnClose: closed while received bytes were unread, so with a RST
  std::uint64_t reset_on_data = 0;   ///< TCPAbortOnData: bytes came after the close, or closed without lingering
  std::uint64_t not_accepted = 0;    ///< ListenDrops: a connection was dropped by a full or closing listener

  std::uint64_t resets() const noexcept { return reset_on_close + reset_on_data; }
  bool operator==(const kernel_counters&) const = default;
};

/// What was counted between two readings.
kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) noexcept;

/// Reads the text of /proc/net/netstat. Empty: it is none. A counter that this kernel does not have is 0.
std::optional<kernel_counters> parse_kernel_counters(std::string_view netstat);

/// Of this process's network namespace, now. Empty: /proc is not there.   Blocks: for some 50 µs.
std::optional<kernel_counters> read_kernel_counters() noexcept;

}  // namespace lastcall::inline v0
