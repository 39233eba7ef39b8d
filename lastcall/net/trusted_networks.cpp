#include "lastcall/net/trusted_networks.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0::net {

namespace {

bool same_bits(std::string_view a, std::string_view b, unsigned bits) noexcept {
  const std::size_t bytes = bits / 8;
  if (a.size() != b.size() || a.substr(0, bytes) != b.substr(0, bytes)) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  return (static_cast<unsigned char>(a[bytes]) ^ static_cast<unsigned char>(b[bytes])) >> (8 - rest) == 0;
}

}  // namespace

trusted_networks::trusted_networks(std::initializer_list<std::string_view> networks) {
  for (const std::string_view each : networks) add(each);
}

void trusted_networks::add(std::string_view text) {
  const auto refuse = [&](const char* why) {
    throw std::invalid_argument("trusted_networks: \"" + std::string(text) + "\" " + why);
  };
  if (text == "unix") {
    unix_ = true;
    return;
  }
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash), 0);
  if (!address || !address->ip()) refuse("is no address; write 10.0.0.0/8, 2001:db8::/32 or unix");
  const unsigned most = address->family() == endpoint::kind::ipv4 ? 32 : 128;
  unsigned bits = most;
  if (slash != text.npos) {
    const auto given = lastcall::detail::parse_number<unsigned>(text.substr(slash + 1));
    if (!given || *given > most) refuse("has no prefix length that fits its address");
    bits = *given;
  }
  if (address->mapped()) {
    if (bits < 96) refuse("is wider than IPv4; write it as two networks");
    bits -= 96;
  }
  networks_.push_back({address->unmapped(), bits});
}

bool trusted_networks::contains(const endpoint& address) const noexcept {
  if (address.family() == endpoint::kind::unix_path) return unix_;
  const endpoint plain = address.unmapped();
  return plain.ip() && std::ranges::any_of(networks_, [&](const network& n) {
           return n.address.family() == plain.family() &&
                  same_bits(n.address.address_bytes(), plain.address_bytes(), n.bits);
         });
}

}  // namespace lastcall::inline v0::net
