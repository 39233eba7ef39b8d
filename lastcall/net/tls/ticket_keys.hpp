// The keys of session tickets, which are replaced while the server runs: who gets hold of one can read only the
// sessions of a short time. Makes no ticket; OpenSSL does.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <mutex>
#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net::detail {

/// A key encrypts for `lifetime`; the one before still decrypts, for as long again.   Threads: any.
class ticket_keys {
 public:
  struct key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher, mac;
  };

  explicit ticket_keys(duration lifetime) noexcept : lifetime_(lifetime) {}

  /// The key for a new ticket. Empty: OpenSSL has no random numbers.
  std::optional<key> to_encrypt(time_point now) noexcept;
  struct found {
    key with;
    bool renew;  ///< the client gets a new ticket
  };
  /// The key of a ticket, by its name. Empty: it is too old, or not ours.
  std::optional<found> to_decrypt(const unsigned char* name, time_point now) noexcept;

  /// Makes all tickets of the context with these keys, which must outlive it.
  void serve(SSL_CTX*) noexcept;

 private:
  bool rotate(time_point now) noexcept;

  const duration lifetime_;
  std::mutex mutex_;
  std::optional<key> current_, former_;
  time_point since_{};  // of the current one
};

}  // namespace lastcall::inline v0::net::detail
