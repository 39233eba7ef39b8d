#include "lastcall/net/tls/tls_keys.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net::detail {

namespace {

std::string lower(std::string_view text) {
  std::string all(text);
  for (char& c : all)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return all;
}

/// The last error of OpenSSL, to be appended to a message.
std::string last_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? " (" + std::string(reason) + ")" : std::string();
}

/// The names in a certificate; the common name only if there are no others.
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> all;
  const std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    all.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  if (!all.empty()) return all;
  char common[256];
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof common);
  if (size > 0) all.emplace_back(common, static_cast<std::size_t>(size));
  return all;
}

int no_password(char*, int, int, void*) { return -1; }

void look_for(const std::string& file, const std::string& component) {
  if (unique_fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC))) return;
  throw std::system_error(errno, std::generic_category(), component + ": tls: cannot read " + file);
}

/// Each error names its file.
[[noreturn]] void refuse(const std::string& file, const std::string& why, const std::string& component) {
  throw std::invalid_argument(component + ": tls: " + file + " " + why + last_error());
}

constexpr const char* usual_groups = "X25519:P-256:X448:P-521:P-384";

std::string digest_of(const X509* certificate) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

/// What a response says of this certificate; null: nothing. The issuer is known by its name, not by its key.
OCSP_SINGLERESP* part_about(const X509* certificate, OCSP_BASICRESP* all) {
  for (int i = 0; i < OCSP_resp_count(all); ++i) {
    OCSP_SINGLERESP* const one = OCSP_resp_get0(all, i);
    auto* const id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one));
    ASN1_OCTET_STRING* issuer = nullptr;
    ASN1_OBJECT* hash = nullptr;
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(&issuer, &hash, nullptr, &serial, id);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD* const by = EVP_get_digestbyobj(hash);
    if (by && X509_NAME_digest(X509_get_issuer_name(certificate), by, bytes, &size) == 1 &&
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0 &&
        std::string_view(reinterpret_cast<const char*>(bytes), size) ==
            std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(issuer)),
                             static_cast<std::size_t>(ASN1_STRING_length(issuer))))
      return one;
  }
  return nullptr;
}

/// The whole file, which must be an OCSP response about this certificate. Empty: it has expired.
std::string read_staple(const std::string& file, const X509* about, const std::string& component) {
  look_for(file, component);
  const std::unique_ptr<BIO, freed_by<BIO_free>> in(BIO_new_file(file.c_str(), "rb"));
  const std::unique_ptr<OCSP_RESPONSE, freed_by<OCSP_RESPONSE_free>> said(in ? d2i_OCSP_RESPONSE_bio(in.get(), nullptr)
                                                                             : nullptr);
  if (!said || OCSP_response_status(said.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    refuse(file, "is no good OCSP response; it is a DER file, as `openssl ocsp -respout` writes it", component);
  const std::unique_ptr<OCSP_BASICRESP, freed_by<OCSP_BASICRESP_free>> parts(OCSP_response_get1_basic(said.get()));
  OCSP_SINGLERESP* const part = parts ? part_about(about, parts.get()) : nullptr;
  if (!part) refuse(file, "is an OCSP response about another certificate", component);
  ASN1_GENERALIZEDTIME* until = nullptr;
  OCSP_single_get0_status(part, nullptr, nullptr, nullptr, &until);
  if (until && X509_cmp_current_time(until) < 0) return {};
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_RESPONSE(said.get(), &bytes);
  if (size <= 0) throw std::bad_alloc();
  std::string all(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return all;
}

void read(SSL_CTX* into, const tls_certificate& from, const std::string& component) {
  look_for(from.chain_file, component);
  if (SSL_CTX_use_certificate_chain_file(into, from.chain_file.c_str()) != 1)
    refuse(from.chain_file,
           "holds no certificate that can be used; it is a PEM file, the server's own certificate first", component);
  look_for(from.key_file, component);
  SSL_CTX_set_default_passwd_cb(into, no_password);
  ERR_clear_error();
  const bool usable = SSL_CTX_use_PrivateKey_file(into, from.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!usable && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
    refuse(from.key_file, "holds no private key that can be used; it is a PEM file without a password", component);
  if (!usable || SSL_CTX_check_private_key(into) != 1)
    refuse(from.key_file,
           "is not the key of the certificate in " + from.chain_file + "; give the key that belongs to it", component);
}

void configure(SSL_CTX* c, const tls_options& options, const std::string& component) {
  SSL_CTX_set_min_proto_version(c, options.least == tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // For TLS 1.2: forward secrecy and authenticated encryption only, as TLS 1.3 always has.
  SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20");
  if (!options.groups.empty()) {
    if (SSL_CTX_set1_groups_list(c, options.groups.c_str()) != 1)
      throw std::invalid_argument(component + ": tls: groups = \"" + options.groups +
                                  "\" has a group that this OpenSSL does not know" + last_error());
  } else if (SSL_CTX_set1_groups_list(c, (std::string("X25519MLKEM768:") + usual_groups).c_str()) != 1) {
    ERR_clear_error();  // before 3.5
    SSL_CTX_set1_groups_list(c, usual_groups);
  }
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(c, 1);  // one system call for a record instead of two
  // No cache of sessions: tickets hold their state.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  constexpr unsigned char us[] = "lastcall";
  SSL_CTX_set_session_id_context(c, us, sizeof us - 1);
  if (!options.resumption) {
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(c, 0);
  }
  if (options.clients == client_certificates::none) return;
  look_for(options.client_ca_file, component);
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(options.client_ca_file.c_str());
  if (!names || SSL_CTX_load_verify_file(c, options.client_ca_file.c_str()) != 1)
    refuse(options.client_ca_file, "holds no certificate of who may sign clients' certificates; it is a PEM file",
           component);
  SSL_CTX_set_client_CA_list(c, names);
  SSL_CTX_set_verify(c,
                     options.clients == client_certificates::required
                         ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                         : SSL_VERIFY_PEER,
                     nullptr);
}

}  // namespace

tls_keys::tls_keys(const tls_options& options, const std::string& component, const logger& log)
    : tickets_(options.ticket_key_time) {
  for (const std::string& each : options.alpn) alpn_.append(1, static_cast<char>(each.size())).append(each);
  load(options, component, log);
}

/// A certificate with the name and the kind of key of an earlier one is not used for that name, and a line says so.
void tls_keys::load(const tls_options& options, const std::string& component, const logger& log) {
  std::map<std::string, std::vector<std::size_t>> of_name;
  std::vector<int> kinds;
  std::vector<std::size_t> first = {0};
  for (std::size_t i = 0; i < options.certificates.size(); ++i) {
    const tls_certificate& each = options.certificates[i];
    const auto warn = [&](const char* what) { log.warning(component, what, {{"file", each.chain_file}}); };
    X509* const certificate = SSL_CTX_get0_certificate(context_of({i}, options, component));
    kinds.push_back(EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)));
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) warn("a certificate has expired");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) warn("a certificate is not valid yet");
    if (!each.ocsp_file.empty()) {
      std::string staple = read_staple(each.ocsp_file, certificate, component);
      if (staple.empty())
        log.warning(component, "an OCSP response has expired, and is not sent", {{"file", each.ocsp_file}});
      else
        staples_[digest_of(certificate)] = std::move(staple);
    }
    for (const std::string& name : each.names.empty() ? names_of(certificate) : each.names) {
      auto& all = of_name[lower(name)];
      const auto same = [&](std::size_t other) { return kinds[other] == kinds[i]; };
      if (std::find(all.begin(), all.end(), i) != all.end()) continue;
      if (std::any_of(all.begin(), all.end(), same)) {
        log.warning(component, "a certificate is not used for a name: an earlier one has it, and the same kind of key",
                    {{"file", each.chain_file}, {"name", name}});
        continue;
      }
      all.push_back(i);
      if (all.front() == 0 && all.size() > first.size()) first = all;
    }
  }
  for (const auto& [name, all] : of_name) names_.emplace(name, context_of(all, options, component));
  first_ = context_of(first, options, component);
}

SSL_CTX* tls_keys::context_of(const std::vector<std::size_t>& certificates, const tls_options& options,
                              const std::string& component) {
  ssl_ctx_ptr& place = contexts_[certificates];
  if (place) return place.get();
  ssl_ctx_ptr made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const c = made.get();
  if (!c) throw std::bad_alloc();
  for (const std::size_t i : certificates) read(c, options.certificates[i], component);
  configure(c, options, component);
  if (options.resumption) tickets_.serve(c);
  SSL_CTX_set_tlsext_servername_callback(c, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(c, this);
  SSL_CTX_set_tlsext_status_cb(c, staple);
  SSL_CTX_set_tlsext_status_arg(c, this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(c, choose_protocol, this);
  place = std::move(made);
  return c;
}

/// The client has asked for the OCSP response of the certificate that it gets.
int tls_keys::staple(SSL* of, void* keys) noexcept {
  try {
    const auto& all = static_cast<const tls_keys*>(keys)->staples_;
    const X509* const ours = SSL_get_certificate(of);
    const auto found = ours ? all.find(digest_of(ours)) : all.end();
    if (found == all.end()) return SSL_TLSEXT_ERR_NOACK;
    void* const bytes = OPENSSL_memdup(found->second.data(), found->second.size());  // OpenSSL frees it
    if (!bytes) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(of, bytes, static_cast<long>(found->second.size()));
    return SSL_TLSEXT_ERR_OK;
  } catch (const std::exception&) {  // out of memory
    return SSL_TLSEXT_ERR_NOACK;
  }
}

SSL_CTX* tls_keys::for_name(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string wanted = lower(name);
  if (const auto found = names_.find(wanted); found != names_.end()) return found->second;
  const auto dot = wanted.find('.');
  if (dot == wanted.npos || dot == 0) return nullptr;
  const auto found = names_.find("*" + wanted.substr(dot));  // for one label: RFC 6125 section 6.4.3
  return found != names_.end() ? found->second : nullptr;
}

int tls_keys::choose_certificate(SSL* of, int*, void* keys) noexcept {
  const char* const name = SSL_get_servername(of, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_NOACK;
  try {
    SSL_CTX* const found = static_cast<const tls_keys*>(keys)->for_name(name);
    if (!found) return SSL_TLSEXT_ERR_NOACK;
    if (found != SSL_get_SSL_CTX(of)) SSL_set_SSL_CTX(of, found);
    return SSL_TLSEXT_ERR_OK;
  } catch (const std::exception&) {  // out of memory
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
}

/// Our first protocol that the client offers. Without one the handshake ends: RFC 7301 section 3.2.
int tls_keys::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                              unsigned in_size, void* keys) noexcept {
  const std::string& ours = static_cast<const tls_keys*>(keys)->alpn_;
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                          static_cast<unsigned>(ours.size()), in, in_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace lastcall::inline v0::net::detail
