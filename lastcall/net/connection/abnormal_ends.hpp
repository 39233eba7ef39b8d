// Logs and counts connections that ended abnormally, with a bound on the lines of log.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"

namespace lastcall::inline v0::net {

/// At most ten lines a second for one server. The next line says how many were left out.
/// Threads: any. Does not block: while another thread writes a line, further lines are left out.
class abnormal_ends {
 public:
  abnormal_ends(logger log, std::string component) : log_(std::move(log)), component_(std::move(component)) {}

  /// Counts the end and logs it.
  void note(const endpoint& remote, connection_state state, io_end how, time_point now) noexcept;
  /// Logs only. For ends that the caller counts.
  void say(const endpoint& remote, connection_state state, std::string_view how, time_point now) noexcept;
  /// How many `note` has counted.
  std::uint64_t count(io_end how) const noexcept {
    return counts_[static_cast<std::size_t>(how)].load(std::memory_order_relaxed);
  }

 private:
  logger log_;
  std::string component_;
  std::mutex writing_;
  log_limit limit_{10};
  std::atomic<std::uint64_t> skipped_{0};
  std::atomic<std::uint64_t> counts_[16] = {};
};

}  // namespace lastcall::inline v0::net
