// The certificates of one server, and what became of its handshakes. Shows nothing of OpenSSL, and does no I/O with
// clients (tls_channel.hpp does).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/tls/tls.hpp"

namespace lastcall::inline v0 {
struct component_report;
class metrics;
}  // namespace lastcall::inline v0

namespace lastcall::inline v0::net {

namespace detail {
class tls_keys;
}

/// What TLS knows of the remote.
struct tls_peer {
  std::string subject = {};  ///< of the verified client certificate, as RFC 2253 writes it; empty without one
};

/// Why a handshake failed; in log, report and metrics.
enum class tls_failure : unsigned char {
  timed_out,               ///< not complete within handshake_time
  drained,                 ///< quiet while the server drained
  client_left,             ///< the connection ended
  plain_http,              ///< spoke HTTP without TLS
  not_tls,                 ///< spoke something else
  nothing_in_common,       ///< no version, cipher, group or protocol
  no_client_certificate,   ///< none was sent, and one is required
  bad_client_certificate,  ///< expired, signed by another authority, or not for clients
  refused_by_client,       ///< the client sent an alert: usually it does not trust our certificate
  other
};
inline constexpr std::size_t tls_failures = lastcall::detail::enum_count<tls_failure>();
std::string_view to_text(tls_failure) noexcept;  ///< "timed_out", …

/// The certificates and the counts of one server. After a reload, connections keep the certificates they began with.
/// Threads: any.
class tls_context {
 public:
  /// Reads the files. Logs a warning for certificates that are not valid now.
  /// Errors: std::system_error (no such file), std::invalid_argument (wrong contents); they name file and remedy.
  tls_context(tls_options, std::string component, logger);
  ~tls_context();
  tls_context& operator=(tls_context&&) = delete;

  /// Reads the files again, for later handshakes. An error is logged with the file and the remedy, and then nothing has
  /// changed: that of the file, or std::errc::invalid_argument for wrong contents.   Blocks: while the disk reads.
  result<void> reload() noexcept;

  const tls_options& options() const noexcept { return options_; }
  std::shared_ptr<const detail::tls_keys> keys() const;

  // For connections:

  void handshake_done(bool resumed) noexcept;
  /// Counts it, and logs at most ten lines a second.
  void handshake_failed(tls_failure, std::string_view detail, const endpoint& remote, time_point now) noexcept;
  /// Counts a remote's FIN without close_notify.
  void cut_off() noexcept { cut_off_.fetch_add(1, std::memory_order_relaxed); }

  std::uint64_t handshakes() const noexcept { return done_.load(std::memory_order_relaxed); }
  std::uint64_t resumed() const noexcept { return resumed_.load(std::memory_order_relaxed); }
  std::uint64_t failed(tls_failure why) const noexcept {
    return failed_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }
  std::uint64_t times_cut_off() const noexcept { return cut_off_.load(std::memory_order_relaxed); }

  /// Report fields: tls_handshakes, tls_resumed, tls_failed_WHY (if not 0), tls_cut_off, tls_reloads.
  void account(component_report&) const;
  void measure(metrics&) const;

 private:
  std::shared_ptr<const detail::tls_keys> read_files() const;

  const tls_options options_;
  const std::string component_;
  const logger log_;
  mutable std::mutex mutex_;  // guards keys_
  std::shared_ptr<const detail::tls_keys> keys_;
  std::mutex writing_;  // guards limit_
  log_limit limit_{10};
  std::atomic<std::uint64_t> done_{0}, resumed_{0}, cut_off_{0}, reloads_{0}, left_out_{0};
  std::atomic<std::uint64_t> failed_[tls_failures] = {};
};

}  // namespace lastcall::inline v0::net
