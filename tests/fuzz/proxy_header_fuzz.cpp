// PROXY headers against a reader that looks at one field after the other, and in pieces of any size.
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/net/connection/proxy_protocol.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

using net::proxy_header;
using kind = proxy_header::kind;

unsigned at(std::string_view s, std::size_t i) { return static_cast<unsigned char>(s[i]); }

bool extensions(std::string_view rest) {
  if (rest.empty()) return true;
  if (rest.size() < 3) return false;
  const std::size_t size = 3 + at(rest, 1) * 256 + at(rest, 2);
  return size <= rest.size() && extensions(rest.substr(size));
}

/// "" for malformed, "?" for incomplete, "-" for complete without a client, else the client's port and family.
std::string plain(std::string_view s) {
  constexpr unsigned begin[12] = {13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10};
  for (std::size_t i = 0; i < 12 && i < s.size(); ++i)
    if (at(s, i) != begin[i]) return "";
  if (s.size() < 16) return "?";
  if (at(s, 12) != 0x20 && at(s, 12) != 0x21) return "";
  const std::size_t size = at(s, 14) * 256 + at(s, 15);
  if (16 + size > net::most_proxy_header_bytes) return "";
  if (s.size() < 16 + size) return "?";
  if (at(s, 12) == 0x20) return "-";
  const unsigned family = at(s, 13) / 16, transport = at(s, 13) % 16;
  if (family > 3 || transport > 2) return "";
  if (family == 0 || transport == 0) return "-";
  if (transport == 2) return "";
  const std::size_t addresses = family == 1 ? 12 : family == 2 ? 36 : 216;
  if (size < addresses || !extensions(s.substr(16 + addresses, size - addresses))) return "";
  if (family == 3) return "unix";
  const std::size_t port = 16 + (family == 1 ? 8 : 32);
  return std::to_string(at(s, port) * 256 + at(s, port + 1));
}

std::string said(const proxy_header& found) {
  if (found.what == kind::malformed) return "";
  if (found.what == kind::incomplete) return "?";
  if (!found.client) return "-";
  return found.client->ip() ? std::to_string(found.client->port()) : "unix";
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  const auto input = text(data, size);
  const exact_copy all(input);
  const auto found = lastcall::net::parse_proxy_header(all.view());
  require(said(found) == plain(input), "read alike");
  require(found.what != kind::complete || found.bytes <= size, "takes no more than there is");
  // As a driver does: never asks for a byte that is not the header's, and comes to the same.
  std::string piece;
  for (;;) {
    const auto now = lastcall::net::parse_proxy_header(piece);
    if (now.what != kind::incomplete) {
      require(said(now) == said(found), "the same from pieces");
      require(now.what != kind::complete || now.bytes == piece.size(), "asks for the header only");
      break;
    }
    require(now.bytes > piece.size(), "asks for more");
    if (now.bytes > size) {
      require(found.what != kind::complete, "asks for what is there");
      break;
    }
    piece = input.substr(0, now.bytes);
  }
  return 0;
}
