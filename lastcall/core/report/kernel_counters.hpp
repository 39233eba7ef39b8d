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

  bool ours_alone = false;  ///< no other process is in this network namespace: what was counted is ours

  std::uint64_t resets() const noexcept { return reset_on_close + reset_on_data; }
  bool operator==(const kernel_counters&) const = default;
};

/// What was counted between two readings.
kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) noexcept;

/// Parses the text of /proc/net/netstat. Empty: it is another text. A counter that the kernel does not have is 0.
std::optional<kernel_counters> parse_kernel_counters(std::string_view netstat);

/// No other process is in the network namespace of this one, as far as `proc` shows: processes in other PID namespaces
/// are not seen. One that may not be looked at counts as one that is in it. The first one found ends the search.
/// Blocks: for some µs for each process. With more than 1000 it is false.
bool network_namespace_is_ours_alone(const char* proc = "/proc") noexcept;

/// The counters of this network namespace, now. Empty: /proc can't be read.   Blocks: for about 50 µs.
std::optional<kernel_counters> read_kernel_counters() noexcept;

}  // namespace lastcall::inline v0
