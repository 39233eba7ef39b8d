// Which networks are our own proxies', so that what they say of their clients is believed.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// Where our own proxies are. Empty: nowhere, so no header is believed.   Threads: `contains` any.
class trusted_networks {
 public:
  trusted_networks() = default;
  /// "10.0.0.0/8", "2001:db8::/32", single addresses, and "unix" for whoever connects to a Unix-domain listener.
  /// Errors: std::invalid_argument names what is none of these.
  trusted_networks(std::initializer_list<std::string_view> networks);

  void add(std::string_view network);
  bool empty() const noexcept { return networks_.empty() && !unix_; }
  /// IPv4 in the form in which a dual-stack socket sees it counts as IPv4.
  bool contains(const endpoint& address) const noexcept;

 private:
  struct network {
    endpoint address;
    unsigned bits;
  };

  std::vector<network> networks_;
  bool unix_ = false;
};

}  // namespace lastcall::inline v0::net
