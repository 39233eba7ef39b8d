// How the fields of an HTTP/2 head become a request. Each field is copied to the memory of the exchange, because the
// request has views of one flat text, as with HTTP/1.1. The first error decides: after it, fields are ignored.
// nghttp2 has checked each field by itself before; this checks what fields mean together.
#include "lastcall/http/h2/h2_head.hpp"

#include <algorithm>
#include <cstring>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/authority.hpp"
#include "lastcall/http/message/byte_scan.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

using access = request_access;
using kind = h2_verdict::kind;

h2_head::h2_head(std::span<char> memory, request& out, const limits& l) noexcept
    : memory_(memory), out_(out), limits_(l) {
  access::begin(out_, memory_.data());
}

/// Answered with a status: the client gets a response.
void h2_head::refuse(int status, const char* why) noexcept {
  if (verdict_.what == kind::sound) verdict_ = {kind::refused, status, why};
}

/// A stream error: the client gets RST_STREAM and no response. It also replaces a refusal.
void h2_head::malformed(const char* why) noexcept {
  if (verdict_.what != kind::malformed) verdict_ = {kind::malformed, 400, why};
}

/// Copies to the end of the memory. Never moves, so that earlier views stay valid.
std::string_view h2_head::keep(std::string_view text) noexcept {
  if (text.size() > memory_.size() - size_) return refuse(431, "head too large"), std::string_view();
  char* const at = memory_.data() + size_;
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  size_ += text.size();
  return {at, text.size()};
}

/// The size of the list counts as the client counts it; the copy in the memory is smaller.
void h2_head::add(std::string_view name, std::string_view value) {
  if (verdict_.what != kind::sound) return;
  listed_ += size_of(name, value);
  if (listed_ > limits_.head_bytes)
    return name == ":path" ? refuse(414, "target too long") : refuse(431, "head too large");
  if (name.starts_with(':')) return pseudo(name, value);
  if (fields_++ == limits_.header_count) return refuse(431, "too many header fields");
  if (name == "cookie") {  // RFC 9113 section 8.2.3: joined, for code that expects one field as in HTTP/1.1
    if (cookie_) cookies_ += "; ";
    cookie_ = true;
    cookies_ += value;
    return;
  }
  add_field(name, value);
}

void h2_head::pseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    method_ = keep(value);
  } else if (name == ":path") {
    path_ = keep(value);
    path_given_ = true;
  } else if (name == ":authority") {
    authority_ = keep(value);
  } else if (name == ":scheme") {
    scheme_known_ = equal_ignoring_case(value, "http") || equal_ignoring_case(value, "https");
  } else {
    malformed("a pseudo-field that requests do not have");
  }
}

/// The rules are those of h1_parser.
void h2_head::add_field(std::string_view name, std::string_view value) {
  const std::string_view kept_name = keep(name), kept_value = keep(trimmed(value));
  if (verdict_.what != kind::sound) return;
  access::add_field(out_, kept_name, kept_value);
  if (kept_name == "host") {
    if (!host_.empty()) return malformed("more than one Host");
    host_ = kept_value;
  } else if (kept_name == "content-length") {
    if (info_.content_length) return malformed("more than one Content-Length");
    info_.content_length = parse_content_length(kept_value);
    if (!info_.content_length) return malformed("malformed Content-Length");
  } else if (kept_name == "expect") {
    if (!equal_ignoring_case(kept_value, "100-continue")) return refuse(417, "unknown expectation");
    info_.expect_continue = true;
  }
}

/// CONNECT has only :authority.   Source: RFC 9113 sections 8.3.1 and 8.5.
void h2_head::read_target() {
  constexpr const char* wrong = "malformed request target";
  if (out_.verb() == method::connect) {
    if (path_given_ || !is_sound_authority(authority_, true) || authority_.front() == ':') return refuse(400, wrong);
    return access::target(out_, authority_, {}, {});
  }
  constexpr auto in_target = [](char c) { return is_plain_in_target(c) || c == '?'; };  // as in HTTP/1.1
  if (!scheme_known_ || path_.empty() || !std::ranges::all_of(path_, in_target)) return refuse(400, wrong);
  if (path_.front() != '/' && !(path_ == "*" && out_.verb() == method::options)) return refuse(400, wrong);
  const auto mark = path_.find('?');
  const auto query = mark == std::string_view::npos ? std::string_view() : path_.substr(mark + 1);
  access::target(out_, path_, path_.substr(0, mark), query);
}

/// All fields are known: checks what they say together.
h2_verdict h2_head::finish(bool ended, message_info& info) {
  if (cookie_ && verdict_.what == kind::sound) add_field("cookie", cookies_);
  if (verdict_.what == kind::sound && !is_token(method_)) malformed("malformed method");
  if (verdict_.what != kind::malformed && !method_.empty()) access::method(out_, method_);
  if (verdict_.what == kind::sound) read_target();
  if (verdict_.what == kind::sound) {
    if (!authority_.empty() && !host_.empty() && !equal_ignoring_case(authority_, host_))
      malformed("Host differs from :authority");
    const std::string_view host = authority_.empty() ? host_ : authority_;
    // RFC 9113 section 8.3.1: HTTP/1.1 has Host in place of :authority, and so do handlers.
    if (host_.empty() && !authority_.empty()) add_field("host", authority_);
    if (host.empty()) {
      refuse(400, "no Host");
    } else if (!is_sound_authority(host, false)) {
      refuse(400, "malformed Host");
    }
    access::host(out_, host);
  }
  info = info_;
  info.has_body = !ended;
  return verdict_;
}

}  // namespace lastcall::inline v0::http::detail
