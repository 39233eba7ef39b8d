// TLS for servers: which certificates, and what is asked of clients. It moves no byte and shows nothing of OpenSSL;
// connections have it done by detail/tls_channel.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0 {
struct component_report;
class metrics;
}  // namespace lastcall::inline v0

namespace lastcall::inline v0::net {

namespace detail {
class tls_keys;
}

struct tls_certificate {
  std::string chain_file = {};  ///< PEM: the server's certificate, then those between it and the root
  std::string key_file = {};    ///< PEM, without a password
  /// For which names a client may ask (SNI): "example.com", or "*.example.com" for one more label.
  /// Empty: the names that stand in the certificate.
  std::vector<std::string> names = {};
};

enum class tls_version : unsigned char { v1_2, v1_3 };

/// Whether clients show certificates. One that is shown must be good, also where it is optional.
enum class client_certificates : unsigned char { none, optional, required };

struct tls_options {
  /// The first is for clients that ask for no name, or for one that nobody has.
  std::vector<tls_certificate> certificates = {};
  tls_version least = tls_version::v1_2;
  client_certificates clients = client_certificates::none;
  /// PEM: who may sign clients' certificates.
  std::string client_ca_file = {};
  /// Protocols to agree on (ALPN), the preferred one first. A client that names only others is refused; one that names
  /// none is served. Servers of a known protocol set it themselves.
  std::vector<std::string> alpn = {};
  /// From the accepted connection to the end of the handshake.
  duration handshake_time = std::chrono::seconds(10);
  /// Clients may resume sessions by tickets. Their keys last until the next reload.
  bool resumption = true;
};

/// What is known of who is at the other end.
struct tls_peer {
  std::string subject = {};  ///< of the verified client certificate, as RFC 2253 writes it; empty without one
};

/// Why a handshake came to nothing; in log, report and metrics.
enum class tls_failure : unsigned char {
  timed_out,               ///< not over within handshake_time
  drained,                 ///< quiet while the server drained
  client_left,             ///< the connection ended
  plain_http,              ///< spoke HTTP without TLS
  not_tls,                 ///< spoke something else
  nothing_in_common,       ///< no version, cipher, group or protocol
  no_client_certificate,   ///< and one is required
  bad_client_certificate,  ///< expired, not signed by who may, not for clients
  refused_by_client,       ///< it sent an alert: mostly it does not trust our certificate
  other
};
inline constexpr std::size_t tls_failures = 10;
std::string_view to_text(tls_failure) noexcept;  ///< "timed_out", …

/// The certificates in use and the counts of one server. Connections keep what they began with when it reloads.
/// Threads: any.
class tls_context {
 public:
  /// Reads the files. Warns of certificates that are not valid now.
  /// Errors: std::system_error (no such file), std::invalid_argument (not what it should be): names file and remedy.
  tls_context(tls_options, std::string component, logger);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  /// Reads the files again, for handshakes from now on. Returns why not, which is logged as well: then all stays as it
  /// was. Empty: done.   Blocks: while the disk reads.
  std::string reload() noexcept;

  const tls_options& options() const noexcept { return options_; }
  std::shared_ptr<const detail::tls_keys> keys() const;

  // Connections tell:

  void handshake_done(bool resumed) noexcept;
  /// At most ten lines a second; the rest is counted.
  void handshake_failed(tls_failure, std::string_view detail, const endpoint& remote, time_point now) noexcept;
  /// The remote's end came without close_notify.
  void cut_off() noexcept { cut_off_.fetch_add(1, std::memory_order_relaxed); }

  std::uint64_t handshakes() const noexcept { return done_.load(std::memory_order_relaxed); }
  std::uint64_t resumed() const noexcept { return resumed_.load(std::memory_order_relaxed); }
  std::uint64_t failed(tls_failure why) const noexcept {
    return failed_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }
  std::uint64_t times_cut_off() const noexcept { return cut_off_.load(std::memory_order_relaxed); }

  /// Report fields: tls_handshakes, tls_resumed, tls_failed_WHY for those that happened, tls_cut_off, tls_reloads.
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
