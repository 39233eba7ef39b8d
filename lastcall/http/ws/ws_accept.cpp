// The answer to the key of a handshake. It proves that the server speaks WebSocket; it is not for security.
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "lastcall/http/ws/ws_handshake.hpp"

namespace lastcall::inline v0::ws::detail {

std::string accept_for(std::string_view key) {
  const std::string proof = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  if (!::SHA1(reinterpret_cast<const unsigned char*>(proof.data()), proof.size(), digest))
    return {};  // this OpenSSL is forbidden SHA-1: the remote will refuse

  char text[(SHA_DIGEST_LENGTH + 2) / 3 * 4 + 1];  // base64, and a zero
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text), digest, sizeof digest);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace lastcall::inline v0::ws::detail
