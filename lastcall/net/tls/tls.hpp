// Options of TLS for servers: the certificates, and what is required of clients. Reads no file (tls_context.hpp does).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

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

}  // namespace lastcall::inline v0::net
