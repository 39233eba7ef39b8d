#include "lastcall/http/ws/ws_handshake.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::inline v0::ws::detail {

namespace {

using http::detail::equal_ignoring_case;
using http::detail::trimmed;

/// Shows `visit` each element of all headers of that name, without empty ones.
template <class Visit> void each_element(const http::request& r, std::string_view name, const Visit& visit) {
  for (const http::header_field field : r.headers()) {
    if (!equal_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (const auto one = trimmed(rest.substr(0, comma)); !one.empty()) visit(one);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
}

bool lists(const http::request& r, std::string_view name, std::string_view wanted) {
  bool found = false;
  each_element(r, name, [&](std::string_view one) { found = found || equal_ignoring_case(one, wanted); });
  return found;
}

auto lines(const http::request& r, std::string_view name) {
  return std::ranges::count_if(r.headers(), [&](const auto& f) { return equal_ignoring_case(f.name, name); });
}

/// Base64 of 16 bytes: 22 digits, of which the last has four bits only to spare, and two signs to fill.
bool sound_key(std::string_view key) {
  const auto digit = [](char c) {
    return http::detail::is_alpha(c) || http::detail::is_digit(c) || c == '+' || c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.begin() + 22, digit) &&
         std::string_view("AQgw").find(key[21]) != std::string_view::npos;
}

}  // namespace

/// Proves that the server speaks WebSocket; it is not for security.
std::string accept_for(std::string_view key) {
  const std::string proof = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  if (!::SHA1(reinterpret_cast<const unsigned char*>(proof.data()), proof.size(), digest))
    return {};  // this OpenSSL is forbidden SHA-1: the remote will refuse

  char text[(SHA_DIGEST_LENGTH + 2) / 3 * 4 + 1];  // base64, and a zero
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text), digest, sizeof digest);
  return {text, static_cast<std::size_t>(size)};
}

handshake read_handshake(const http::request& r, const stream_options& o) {
  if (lines(r, "Upgrade") == 0 || r.verb() != http::method::get) return {.status = 426, .why = "this is a WebSocket"};
  if (!lists(r, "Upgrade", "websocket")) return {.status = 426, .why = "only websocket is spoken here"};
  if (!lists(r, "Connection", "upgrade")) return {.status = 400, .why = "Connection does not say upgrade"};
  if (r.has_header("Transfer-Encoding") || !r.body().empty()) return {.status = 400, .why = "a handshake has no body"};
  if (lines(r, "Sec-WebSocket-Version") != 1) return {.status = 400, .why = "one Sec-WebSocket-Version is needed"};
  if (r.header("Sec-WebSocket-Version") != "13") return {.status = 426, .why = "only version 13 is spoken here"};
  if (lines(r, "Sec-WebSocket-Key") != 1 || !sound_key(r.header("Sec-WebSocket-Key")))
    return {.status = 400, .why = "one Sec-WebSocket-Key of 16 bytes in base64 is needed"};
  const auto is_origin = [&](const std::string& each) { return equal_ignoring_case(each, r.header("Origin")); };
  if (!o.origins.empty() && !r.header("Origin").empty() && std::ranges::none_of(o.origins, is_origin))
    return {.status = 403, .why = "pages of this origin may not connect"};

  std::vector<std::string_view> offered;
  bool sound = true;
  each_element(r, "Sec-WebSocket-Protocol", [&](std::string_view one) {
    sound = sound && http::detail::is_token(one);
    offered.push_back(one);
  });
  if (!sound) return {.status = 400, .why = "a subprotocol is no token"};
  handshake agreed{.accept = accept_for(r.header("Sec-WebSocket-Key"))};
  const auto ours = std::ranges::find_first_of(o.subprotocols, offered);
  if (ours != o.subprotocols.end()) agreed.subprotocol = *ours;
  return agreed;
}

}  // namespace lastcall::inline v0::ws::detail
