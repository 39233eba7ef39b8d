// Counters of the kernel for TCP events that a program does not see: connections that were reset with data in them, or
// never reached accept(). They are of the whole network namespace, so of every process in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Source: /proc/net/netstat, in the kernel's Documentation/networking/snmp_counter.rst.
struct kernel_counters {
  std::uint64_t reset_on_close = 0;  ///< TCPAbortOnClose: closed with unread received bytes, so with a RST
  std::uint64_t reset_on_data = 0;   ///< TCPAbortOnData: bytes came after the close, or SO_LINGER was 0
  std::uint64_t not_accepted = 0;    ///< ListenDrops: dropped because the listener was full or closing

  std::uint64_t resets() const noexcept { return reset_on_close + reset_on_data; }
  bool operator==(const kernel_counters&) const = default;
};

/// What was counted between two readings.
kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) noexcept;

/// Parses the text of /proc/net/netstat. Empty: it is another text. A counter that the kernel does not have is 0.
std::optional<kernel_counters> parse_kernel_counters(std::string_view netstat);

/// The counters of this network namespace, now. Empty: /proc can't be read.   Blocks: for about 50 µs.
std::optional<kernel_counters> read_kernel_counters() noexcept;

}  // namespace lastcall::inline v0
