#include "lastcall/net/tls/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::net::detail {

namespace {

/// The place of the keys in an SSL_CTX. OpenSSL's callback has no argument of its own.
int place() noexcept {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// See SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 the ticket is good, 2 and to be renewed, 0 there is none, -1 an
/// error.
int use_ticket(SSL* of, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
               int encrypts) noexcept {
  // SSL_get_SSL_CTX may be that of another name; all of one server have the same keys.
  auto* const keys = static_cast<ticket_keys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(of), place()));
  const time_point now = steady().now();
  std::optional<ticket_keys::found> with;
  if (encrypts) {
    const auto key = keys->to_encrypt(now);
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::copy(key->name.begin(), key->name.end(), name);
    with = {*key, false};
  } else if (!(with = keys->to_decrypt(name, now))) {
    return 0;
  }
  char hash[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, with->with.mac.data(), with->with.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0), OSSL_PARAM_construct_end()};
  const unsigned char* const key = with->with.cipher.data();
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1 ||
      EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key, iv, encrypts) != 1)
    return -1;
  return with->renew ? 2 : 1;
}

}  // namespace

bool ticket_keys::rotate(time_point now) noexcept {
  if (current_ && now - since_ < lifetime_) return true;
  key fresh;
  for (unsigned char* const part : {fresh.name.data(), fresh.cipher.data(), fresh.mac.data()})
    if (RAND_bytes(part, part == fresh.name.data() ? 16 : 32) != 1) return false;
  former_ = current_ && now - since_ < 2 * lifetime_ ? current_ : std::nullopt;
  current_ = fresh;
  since_ = now;
  return true;
}

std::optional<ticket_keys::key> ticket_keys::to_encrypt(time_point now) noexcept {
  const std::lock_guard lock(mutex_);
  return rotate(now) ? current_ : std::nullopt;
}

std::optional<ticket_keys::found> ticket_keys::to_decrypt(const unsigned char* name, time_point now) noexcept {
  const std::lock_guard lock(mutex_);
  if (!rotate(now)) return std::nullopt;
  const auto is = [name](const std::optional<key>& k) { return k && std::equal(k->name.begin(), k->name.end(), name); };
  if (is(current_)) return found{*current_, false};
  if (is(former_)) return found{*former_, true};
  return std::nullopt;
}

void ticket_keys::serve(SSL_CTX* context) noexcept {
  SSL_CTX_set_ex_data(context, place(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket);
}

}  // namespace lastcall::inline v0::net::detail
