// How a request is named in the logs of several services: its request id and the W3C trace context. Makes no spans.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

class request;

/// Views of the header's value.
struct trace_parent {
  std::string_view trace_id{};   ///< 32 lower-case hexadecimal digits, not all zero
  std::string_view parent_id{};  ///< 16 of them, not all zero
  std::uint8_t flags = 0;

  bool sampled() const noexcept { return (flags & 1) != 0; }
};

/// Empty for what is none. Of a version above 00 the parts that 00 knows are read.
/// Source: W3C Trace Context, section 3.2.
std::optional<trace_parent> parse_traceparent(std::string_view value) noexcept;

/// Whether a client's X-Request-Id may go into logs and back to it: 1 to 128 letters, digits and "-_.:/+=@~".
bool acceptable_request_id(std::string_view id) noexcept;

/// 32 hexadecimal digits, never the same twice. No secret.   Threads: any.
std::string make_request_id();

/// Views live as long as the request's.
struct trace_context {
  /// The client's if acceptable; otherwise the one that the server made, if it makes them
  /// (server_options::request_ids), or empty.
  std::string_view request_id{};
  std::string_view traceparent{};        ///< as sent, to be passed on; empty unless valid, and sent once
  std::optional<trace_parent> parent{};  ///< its parts
  std::string tracestate{};              ///< as sent, several headers joined; empty without a traceparent
};

trace_context trace(const request& r);

}  // namespace lastcall::inline v0::http
