// The certificate files, read once: an OpenSSL context for each set of certificates that have a name in common, and the
// choice of one by the name that a client asks for. Does not change afterwards; a reload makes another object.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lastcall/net/tls/ticket_keys.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::net::detail {

template <auto F> struct freed_by {
  template <class T> void operator()(T* p) const noexcept { F(p); }
};
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

/// Threads: any.
class tls_keys {
 public:
  /// Errors: as tls_context.
  tls_keys(const tls_options&, const std::string& component, const logger&);
  tls_keys& operator=(tls_keys&&) = delete;

  /// The server's end of a new connection; destroy it before the keys. Null: out of memory.
  ssl_ptr open() const noexcept { return ssl_ptr(SSL_new(first_)); }

  /// The context for a name that a client asks for; null: no certificate has it.
  SSL_CTX* for_name(std::string_view name) const;

 private:
  static int choose_certificate(SSL*, int* alert, void* keys) noexcept;
  static int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                             unsigned in_size, void* keys) noexcept;

  static int staple(SSL*, void* keys) noexcept;
  void load(const tls_options&, const std::string& component, const logger&);
  SSL_CTX* context_of(const std::vector<std::size_t>& certificates, const tls_options&, const std::string& component);

  ticket_keys tickets_;
  std::map<std::vector<std::size_t>, ssl_ctx_ptr> contexts_;  // by the places of their certificates in the options
  SSL_CTX* first_ = nullptr;                                  // with the first certificate
  std::unordered_map<std::string, SSL_CTX*> names_;           // in lower case; "*.example.com" as it is
  std::map<std::string, std::string> staples_;                // by the certificate's digest: what OCSP says of it
  std::string alpn_;                                          // as on the wire
};

}  // namespace lastcall::inline v0::net::detail
