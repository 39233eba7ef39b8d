// For tests: certificates made on the spot, and the client's end of TLS over a blocking socket, each call of which ends
// within 10 s.
#pragma once

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::testing_net {

template <auto F> struct frees {
  template <class T> void operator()(T* p) const noexcept { F(p); }
};

/// Who signs: a root of its own, in a folder that goes away with it.
class authority {
 public:
  struct wish {
    std::vector<std::string> names = {"localhost"};
    std::string common_name = "lastcall test";
    long begins = -3600, ends = 24 * 3600;  // seconds from now
    bool rsa = false;                       // instead of ECDSA
  };
  struct files {
    std::string chain, key;
  };

  authority() : key_(EVP_EC_gen("P-256")) {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-tls-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    folder_ = name;
    root_ = make({.names = {}, .common_name = "lastcall test authority"}, key_.get(), nullptr);
    write(file("ca.pem"), [&](FILE* f) { return PEM_write_X509(f, root_.get()); });
  }
  ~authority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  authority& operator=(authority&&) = delete;

  std::string ca_file() const { return file("ca.pem"); }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  /// Of a new key each time; under the same `as` it takes the place of the one before.
  files issue(const wish& wanted, const std::string& as) const {
    const std::unique_ptr<EVP_PKEY, frees<EVP_PKEY_free>> key(wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    const auto made = make(wanted, key.get(), root_.get());
    write(file(as + ".pem"), [&](FILE* f) { return PEM_write_X509(f, made.get()); });
    write(file(as + ".key"),
          [&](FILE* f) { return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return {file(as + ".pem"), file(as + ".key")};
  }
  /// What our OCSP service says of a certificate: that it is good. Returns the file.
  /// Good until `seconds` from now.
  std::string ocsp_response(const std::string& chain_file, long seconds = 3600) const {
    FILE* const in = std::fopen(chain_file.c_str(), "r");
    const certificate of(in ? PEM_read_X509(in, nullptr, nullptr, nullptr) : nullptr);
    if (in) std::fclose(in);
    const std::unique_ptr<OCSP_BASICRESP, frees<OCSP_BASICRESP_free>> says(OCSP_BASICRESP_new());
    OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), of.get(), root_.get());
    const std::unique_ptr<ASN1_TIME, frees<ASN1_TIME_free>> now(X509_gmtime_adj(nullptr, 0)),
        next(X509_gmtime_adj(nullptr, seconds));
    OCSP_basic_add1_status(says.get(), id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, now.get(), next.get());
    OCSP_CERTID_free(id);
    OCSP_basic_sign(says.get(), root_.get(), key_.get(), EVP_sha256(), nullptr, 0);
    const std::unique_ptr<OCSP_RESPONSE, frees<OCSP_RESPONSE_free>> whole(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, says.get()));
    const std::string to = chain_file + ".ocsp";
    const std::unique_ptr<BIO, frees<BIO_free>> out(BIO_new_file(to.c_str(), "wb"));
    if (!out || i2d_OCSP_RESPONSE_bio(out.get(), whole.get()) != 1) throw std::runtime_error("cannot write " + to);
    return to;
  }

 private:
  using certificate = std::unique_ptr<X509, frees<X509_free>>;

  template <class F> static void write(const std::string& to, F with) {
    FILE* f = std::fopen(to.c_str(), "w");
    if (!f || with(f) != 1 || std::fclose(f) != 0) throw std::runtime_error("cannot write " + to);
  }
  certificate make(const wish& wanted, EVP_PKEY* key, X509* issuer) const {
    certificate c(X509_new());
    X509_set_version(c.get(), 2);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(c.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c.get()), wanted.begins);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), wanted.ends);
    X509_set_pubkey(c.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wanted.common_name.c_str()), -1, -1, 0);
    X509* const by = issuer ? issuer : c.get();
    X509_set_issuer_name(c.get(), X509_get_subject_name(by));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, by, c.get(), nullptr, nullptr, 0);
    const auto extend = [&](int what, const std::string& value) {
      const std::unique_ptr<X509_EXTENSION, frees<X509_EXTENSION_free>> e(
          X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
      X509_add_ext(c.get(), e.get(), -1);
    };
    extend(NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    std::string names;
    for (const auto& each : wanted.names) names.append(names.empty() ? "DNS:" : ",DNS:").append(each);
    if (!names.empty()) extend(NID_subject_alt_name, names);
    X509_sign(c.get(), key_.get(), EVP_sha256());
    return c;
  }

  std::string folder_;
  std::unique_ptr<EVP_PKEY, frees<EVP_PKEY_free>> key_;
  certificate root_;
};

/// One end of a conversation over TLS, from outside.
class tls_client {
 public:
  struct wish {
    std::string ca_file = {};        // empty: believes anybody
    std::string name = "localhost";  // asked for, and checked
    std::vector<std::string> alpn = {};
    int least = TLS1_2_VERSION, most = TLS1_3_VERSION;
    std::string certificate = {}, key = {};
    int receive_buffer = 0;
    SSL_SESSION* resume = nullptr;
  };

  /// Connects. The handshake is the next call's.
  tls_client(const net::endpoint& where, wish wanted)
      : context_(SSL_CTX_new(TLS_client_method())), socket_(::socket(family_of(where), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (wanted.receive_buffer > 0)
      ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &wanted.receive_buffer, sizeof wanted.receive_buffer);
    sockaddr_storage name;
    const socklen_t size = where.fill(name);
    connect_error_ = ::connect(fd(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
    SSL_CTX* const c = context_.get();
    SSL_CTX_set_min_proto_version(c, wanted.least);
    SSL_CTX_set_max_proto_version(c, wanted.most);
    if (!wanted.ca_file.empty()) {
      SSL_CTX_load_verify_file(c, wanted.ca_file.c_str());
      SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
    }
    if (!wanted.certificate.empty()) {
      SSL_CTX_use_certificate_file(c, wanted.certificate.c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_use_PrivateKey_file(c, wanted.key.c_str(), SSL_FILETYPE_PEM);
    }
    ssl_.reset(SSL_new(c));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);
    if (!wanted.name.empty()) {
      SSL_set_tlsext_host_name(ssl_.get(), wanted.name.c_str());
      SSL_set1_host(ssl_.get(), wanted.name.c_str());
    }
    std::string protocols;
    for (const auto& each : wanted.alpn) protocols.append(1, static_cast<char>(each.size())).append(each);
    if (!protocols.empty())
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    if (wanted.resume) SSL_set_session(ssl_.get(), wanted.resume);
    SSL_set_connect_state(ssl_.get());
  }
  tls_client(tls_client&&) noexcept = default;
  tls_client& operator=(tls_client&&) noexcept = default;
  ~tls_client() = default;

  int fd() const noexcept { return socket_.get(); }
  SSL* ssl() const noexcept { return ssl_.get(); }
  int connect_error() const noexcept { return connect_error_; }

  /// The bytes of the ClientHello, for who sends them by himself.
  std::string hello() {
    SSL_do_handshake(ssl());
    return owed();
  }
  /// One piece of what the handshake still wants to say; `say_raw` it.
  std::string owed() {
    char bytes[64 * 1024];
    const int n = BIO_read(out_, bytes, sizeof bytes);
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }
  bool say_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Until it is over. False: it failed, see `error`.
  bool shake_hands() {
    return run([&] { return SSL_do_handshake(ssl()); });
  }
  /// False: the server is gone.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const auto piece = text.substr(0, 16 * 1024);
      if (!run([&] { return SSL_write(ssl(), piece.data(), static_cast<int>(piece.size())); }) || deaf_) return false;
      text.remove_prefix(piece.size());
    }
    return true;
  }
  /// Up to and with `end`; what comes behind it is kept. Less if the server ends first.
  std::string hear_until(std::string_view end) {
    for (;;) {
      if (const auto at = heard_.find(end); at != std::string::npos) return take(at + end.size());
      if (!hear_more()) return take(heard_.size());
    }
  }
  std::string hear_bytes(std::size_t count) {
    while (heard_.size() < count && hear_more()) {}
    return take(std::min(count, heard_.size()));
  }
  std::string hear_all() {
    while (hear_more()) {}
    return take(heard_.size());
  }
  /// The server has said close_notify.
  bool told_of_the_end() const noexcept { return (SSL_get_shutdown(ssl()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  /// Its FIN comes next, and nothing else.
  bool fin_follows() {
    char byte;
    return eof_ || ::recv(fd(), &byte, 1, 0) == 0;
  }
  /// close_notify, and nothing more.
  void say_close() {
    SSL_shutdown(ssl());
    flush();
  }
  void close() noexcept { socket_.reset(); }
  void end_sending() noexcept { ::shutdown(fd(), SHUT_WR); }

  /// OpenSSL's reason for what failed last.
  int reason() const noexcept { return reason_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string server_name() const {
    X509* const c = SSL_get0_peer_certificate(ssl());
    char text[256] = {};
    if (c) X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, text, sizeof text);
    return text;
  }

 private:
  static int family_of(const net::endpoint& where) noexcept {
    return where.family() == net::endpoint::kind::ipv4 ? AF_INET : where.ip() ? AF_INET6 : AF_UNIX;
  }
  template <class F> bool run(F act) {
    for (;;) {
      ERR_clear_error();
      const int n = act();
      const int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl(), n);
      if (error == SSL_ERROR_SSL) reason_ = ERR_GET_REASON(ERR_peek_error());
      if (!flush() && error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) return false;
      if (error == SSL_ERROR_NONE) return true;
      if (error != SSL_ERROR_WANT_READ || !fill()) return false;
    }
  }
  bool flush() {
    for (std::string bytes; !(bytes = owed()).empty();)
      if (!say_raw(bytes)) deaf_ = true;
    return !deaf_;
  }
  bool fill() {
    if (eof_) return false;
    char bytes[64 * 1024];
    const ssize_t n = ::recv(fd(), bytes, sizeof bytes, 0);
    if (n <= 0) {
      eof_ = n == 0;
      return false;
    }
    return BIO_write(in_, bytes, static_cast<int>(n)) == n;
  }
  bool hear_more() {
    char bytes[64 * 1024];
    int got = 0;
    if (!run([&] { return got = SSL_read(ssl(), bytes, sizeof bytes); })) return false;
    heard_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t count) {
    std::string taken = heard_.substr(0, count);
    heard_.erase(0, count);
    return taken;
  }

  std::unique_ptr<SSL_CTX, frees<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, frees<SSL_free>> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  net::unique_fd socket_;
  std::string heard_;
  int connect_error_ = 0;
  int reason_ = 0;
  bool eof_ = false;
  bool deaf_ = false;  // the server: what was sent last did not reach it
};

}  // namespace lastcall::inline v0::testing_net
