// The networks of our own proxies, whose headers with the address of a client are trusted.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// Empty: no proxy is trusted.   Threads: `contains` any.
class trusted_networks {
 public:
  trusted_networks() = default;
  /// "10.0.0.0/8", "2001:db8::/32", single addresses, and "unix" for all that connect to a Unix-domain listener.
  /// Errors: std::invalid_argument with the wrong one.
  trusted_networks(std::initializer_list<std::string_view> networks);

  void add(std::string_view network);
  bool empty() const noexcept { return networks_.empty() && !unix_; }
  /// An IPv4 address in the form of a dual-stack socket counts as IPv4.
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
