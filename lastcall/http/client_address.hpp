// Who the client is when proxies stand before us. Believes nothing that a header says unless a network is trusted.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::http {

class request;

/// Where our own proxies are. Empty: nowhere, so no header is believed.   Threads: `contains` any.
class trusted_networks {
 public:
  trusted_networks() = default;
  /// "10.0.0.0/8", "2001:db8::/32", single addresses, and "unix" for whoever connects to a Unix-domain listener.
  /// Errors: std::invalid_argument names what is none of these.
  trusted_networks(std::initializer_list<std::string_view> networks);

  void add(std::string_view network);
  /// IPv4 in the form in which a dual-stack socket sees it counts as IPv4.
  bool contains(const net::endpoint& address) const noexcept;

 private:
  struct network {
    net::endpoint address;
    unsigned bits;
  };

  std::vector<network> networks_;
  bool unix_ = false;
};

/// Which header our proxies write. One only: the other one they pass on as the client sent it.
enum class forwarded_header : unsigned char { x_forwarded_for, forwarded };

/// The nearest address that is not one of our own: from the connection's remote on, through the header from its right
/// end, as long as the one who wrote an entry is trusted. An entry that is malformed, "unknown" or hidden ends it: then
/// the one who wrote that entry counts. The port is 0 where none was given; `none` when the remote is not known.
/// Source: RFC 7239 section 4 to 6 for Forwarded.
net::endpoint client_address(const request& r, const trusted_networks& trusted,
                             forwarded_header header = forwarded_header::x_forwarded_for);

}  // namespace lastcall::inline v0::http
