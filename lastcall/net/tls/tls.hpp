// TLS for servers: the certificates, and what is required of clients. Shows nothing of OpenSSL, and does no I/O with
// clients (tls_channel.hpp does).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/enum_names.hpp"
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
  std::string chain_file = {};  ///< PEM: the server's certificate, then the intermediate ones
  std::string key_file = {};    ///< PEM, without a password
  /// The names (SNI) for which it is used: "example.com", or "*.example.com" for one more label.
  /// Empty: the names in the certificate.
  std::vector<std::string> names = {};
  /// DER: the answer of the authority's OCSP service for this certificate, which clients get that ask for it
  /// (stapling). Whatever fetches it sends SIGHUP, or calls reload_certificates. Empty: none.
  std::string ocsp_file = {};
};

enum class tls_version : unsigned char { v1_2, v1_3 };

/// Whether clients must have certificates. One that is sent must be valid, also when it is optional.
enum class client_certificates : unsigned char { none, optional, required };

struct tls_options {
  /// The first is also for clients that ask for no name, or for a name without a certificate. Several for one name are
  /// used as each client can: one of each kind of key (RSA, ECDSA, …).
  std::vector<tls_certificate> certificates = {};
  tls_version least = tls_version::v1_2;
  client_certificates clients = client_certificates::none;
  /// PEM: the authorities that may sign clients' certificates.
  std::string client_ca_file = {};
  /// Protocols for ALPN, the preferred one first. A client that offers only others is refused; one that offers none is
  /// served. The servers of known protocols set it by themselves.
  std::vector<std::string> alpn = {};
  /// The longest time from the accept to the end of the handshake.
  duration handshake_time = std::chrono::seconds(10);
  /// Clients may resume sessions by tickets.
  bool resumption = true;
  /// How long a key makes tickets; it is taken for as long again. A reload makes another one at once.
  duration ticket_key_time = std::chrono::hours(1);
  /// The groups of key exchange, as OpenSSL names them, the preferred first: "X25519:P-256". Empty: elliptic curves,
  /// and X25519MLKEM768 before them where OpenSSL has it (3.5). No ffdhe groups, which cost much more.
  std::string groups = {};
};

/// Whether they say something of client certificates, which needs certificates of the server.
inline bool asks_for_clients(const tls_options& o) noexcept {
  return o.clients != client_certificates::none || !o.client_ca_file.empty();
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

  /// Reads the files again, for later handshakes. Returns the error, and logs it; then nothing has changed. Empty: no
  /// error.   Blocks: while the disk reads.
  std::string reload() noexcept;

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
