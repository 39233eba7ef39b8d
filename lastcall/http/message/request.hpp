// One request as handlers see it: views into bytes that its connection owns. Knows no HTTP version and parses nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/message/method.hpp"

namespace lastcall::inline v0::net {
class endpoint;
struct tls_peer;
}  // namespace lastcall::inline v0::net

namespace lastcall::inline v0::http {

namespace detail {
struct request_access;  // how parsers, the router and connections fill a request
}

/// A route as it was added to the router, which owns it.
struct route_name {
  std::string method;  ///< "*" for any
  std::string pattern;
  std::uint32_t number = 0;  ///< from 1 on
};

/// One header line, as sent; the value without the white space around it.
struct header_field {
  std::string_view name;
  std::string_view value;
};

/// A complete request: head, body, the parameters its route matched. Every view lives until the response is complete.
/// Threads: may be read by several; nothing changes it while a handler has it.
class request {
  struct piece {  // of the head, or of `decoded_`
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  struct field {
    piece name;
    piece value;
  };
  struct parameter {
    std::string_view name;  // of the pattern; owned by the router
    piece value;
    bool decoded;  // in `decoded_`, not in the head
  };

 public:
  request() = default;
  request(const request&) = delete;

  /// The method as sent; `verb` is the same by name, for a switch.
  std::string_view method() const noexcept { return in_head(method_); }
  http::method verb() const noexcept { return verb_; }

  /// The request target as sent: "/a%20b?x=1", "http://host/a", "*", "host:443".
  std::string_view target() const noexcept { return in_head(target_); }
  /// The target's path, not decoded; "/" where the target has none, "*" and "" (CONNECT) as they are.
  std::string_view path() const noexcept;
  /// What follows the "?", not decoded; empty without.
  std::string_view query_text() const noexcept { return in_head(query_); }
  /// The first value called `name` in the query, decoded ("+" is a space; a "%" without two hexadecimal digits stays as
  /// it is). "?a" and "?a=" are both the empty string.
  std::optional<std::string> query(std::string_view name) const;
  /// All values called `name`, in the order as sent. The whole query: parse_form(query_text()).
  std::vector<std::string> query_all(std::string_view name) const;
  /// The value of the route's {name}, decoded; empty where the route has no such parameter.
  std::string_view param(std::string_view name) const noexcept;
  /// The pattern of the route that matched, as it was written: "/orders/{id}". Owned by the router. Empty where none
  /// did. Of few values, so it can be a label of a metric, which a path must not be.
  std::string_view route() const noexcept { return route_ ? std::string_view(route_->pattern) : std::string_view(); }
  /// Host and port asked for: the target's if it names one, else the Host header.
  std::string_view host() const noexcept { return in_head(host_); }

  /// The first header of that name, in any case; empty when absent.
  std::string_view header(std::string_view name) const noexcept;
  bool has_header(std::string_view name) const noexcept;

  /// Each as header_field, in the order as sent.
  auto headers() const noexcept {
    return std::views::transform(fields_,
                                 [this](const field& f) { return header_field{in_head(f.name), in_head(f.value)}; });
  }

  std::string_view body() const noexcept { return body_; }

  /// "127.0.0.1:54321", "[::1]:54321"; empty when unknown. Formatted by each call.
  std::string remote() const;

  /// It came over TLS.
  bool secure() const noexcept { return tls_ != nullptr; }
  /// The subject of the client's verified certificate ("CN=alice,O=Example"); empty without one.
  std::string_view client_certificate() const noexcept;

 private:
  friend detail::request_access;
  request& operator=(const request&) = default;

  std::string_view in_head(piece p) const noexcept { return {head_ + p.at, p.size}; }
  const field* find(std::string_view name) const noexcept;

  const char* head_ = "";
  piece method_, target_, path_, query_, host_;
  http::method verb_ = http::method::other;
  std::vector<field> fields_;
  std::vector<parameter> params_;
  const route_name* route_ = nullptr;
  std::string decoded_;
  std::string_view body_;
  const net::endpoint* remote_ = nullptr;
  std::shared_ptr<const net::tls_peer> tls_;
  std::string id_;
};

}  // namespace lastcall::inline v0::http
