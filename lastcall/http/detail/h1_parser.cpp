#include "lastcall/http/detail/h1_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

#include "lastcall/http/detail/ascii.hpp"
#include "lastcall/http/detail/request_access.hpp"
#include "lastcall/http/limits.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

namespace beast = boost::beast;

using access = request_access;

struct refusal {
  int status = 0;  // 0: none
  const char* why = "";
};

std::string_view view(beast::string_view s) noexcept { return {s.data(), s.size()}; }

/// Whether a comma-separated list holds `token`, in any case.   Source: RFC 9110 section 5.6.1.
bool list_has(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    auto element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (equal_ignoring_case(element, token)) return true;
  }
  return false;
}

/// uri-host [":" port], without user information, and without the comma that the grammar allows and a merged double
/// Host would show.   Source: RFC 9110 section 7.2, RFC 3986 section 3.2.
bool is_authority(std::string_view text, bool with_port) noexcept {
  auto host = text;
  const auto colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
  if (has_port) {
    host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), is_digit) || port.size() > 5) return false;
    if (with_port && port.empty()) return false;
  } else if (with_port) {
    return false;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto inside = host.substr(1, host.size() - 2);
    return std::all_of(inside.begin(), inside.end(), [](char c) {
      return is_digit(c) || is_alpha(c) || c == ':' || c == '.' || c == '%' || c == '-' || c == '_' || c == '~';
    });
  }
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_digit(c) || is_alpha(c) || std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos;
  });
}

/// Splits the target by its form.   Source: RFC 9112 section 3.2.
refusal read_target(std::string_view target, request& out) noexcept {
  constexpr refusal malformed{400, "malformed request target"};
  const auto graphic = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  if (target.empty() || !std::all_of(target.begin(), target.end(), graphic)) return malformed;

  auto path = target;
  if (out.verb() == method::connect) {
    if (!is_authority(target, true) || target.front() == ':') return malformed;
    access::target(out, target, {}, {});
    access::host(out, target);
    return {};
  }
  if (target == "*") {
    if (out.verb() != method::options) return malformed;
    access::target(out, target, target, {});
    return {};
  }
  if (target.front() != '/') {
    const auto colon = target.find("://");
    if (colon == std::string_view::npos) return malformed;
    const auto scheme = target.substr(0, colon);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return malformed;
    path.remove_prefix(colon + 3);
    const auto authority = path.substr(0, path.find_first_of("/?"));
    if (authority.empty() || authority.front() == ':' || !is_authority(authority, false)) return malformed;
    access::host(out, authority);
    path.remove_prefix(authority.size());
  }
  const auto mark = path.find('?');
  const auto query = mark == std::string_view::npos ? std::string_view{} : path.substr(mark + 1);
  access::target(out, target, path.substr(0, mark), query);
  return {};
}

/// Collects what the parser finds in one complete head, and makes the checks it does not make.
class head_parser final : public beast::http::basic_parser<true> {
 public:
  head_parser(const limits& l, request& out, message_info& info) : limits_(l), out_(out), info_(info) {}

  const refusal& refused() const noexcept { return refused_; }

  /// What can only be said once all fields are known.
  refusal finish() noexcept {
    if (hosts_ > 1) return {400, "more than one Host"};
    // RFC 9112 section 3.2: any HTTP/1.1 request without a Host header is answered with 400.
    if (hosts_ == 0 && !info_.http_1_0) return {400, "no Host"};
    if (out_.host().empty()) access::host(out_, host_);
    if (info_.chunked) {
      if (info_.content_length) return {400, "both Transfer-Encoding and Content-Length"};
      if (info_.http_1_0) return {400, "Transfer-Encoding in HTTP/1.0"};
    }
    info_.has_body = info_.chunked || info_.content_length.value_or(0) > 0;
    info_.keep_alive = !close_ && (!info_.http_1_0 || keep_alive_);
    info_.upgrade = upgrade_ && upgrade_named_ && !info_.http_1_0;
    if (info_.http_1_0) info_.expect_continue = false;  // RFC 9110 section 10.1.1
    return {};
  }

 private:
  using field = beast::http::field;
  using text = beast::string_view;
  using code = beast::error_code;

  void refuse(int status, const char* why, code& ec) noexcept {
    refused_ = {status, why};
    ec = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb, text method, text target, int version, code& ec) override {
    info_.http_1_0 = version == 10;
    access::method(out_, view(method));
    const refusal r = read_target(view(target), out_);
    if (r.status) refuse(r.status, r.why, ec);
  }

  void on_field_impl(field name, text name_text, text value_text, code& ec) override {
    const auto value = view(value_text);
    if (access::field_count(out_) == limits_.header_count) return refuse(431, "too many header fields", ec);
    access::add_field(out_, view(name_text), value);
    switch (name) {
      case field::host:
        ++hosts_;
        host_ = value;
        if (!is_authority(value, false)) refuse(400, "malformed Host", ec);
        return;
      case field::content_length:
        return on_content_length(value, ec);
      case field::transfer_encoding:
        if (info_.chunked) return refuse(400, "more than one Transfer-Encoding", ec);
        if (!equal_ignoring_case(value, "chunked")) return refuse(501, "transfer coding other than chunked", ec);
        info_.chunked = true;
        return;
      case field::connection:
        close_ = close_ || list_has(value, "close");
        keep_alive_ = keep_alive_ || list_has(value, "keep-alive");
        upgrade_named_ = upgrade_named_ || list_has(value, "upgrade");
        return;
      case field::upgrade:
        upgrade_ = true;
        return;
      case field::expect:
        if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "unknown expectation", ec);
        info_.expect_continue = true;
        return;
      default:
        return;
    }
  }

  // A list of equal lengths is one too many as well: who merges them, and who takes which, is how requests are
  // smuggled.
  void on_content_length(std::string_view value, code& ec) noexcept {
    if (info_.content_length) return refuse(400, "more than one Content-Length", ec);
    std::uint64_t length = 0;
    for (const char c : value) {
      const auto digit = static_cast<std::uint64_t>(c - '0');
      if (!detail::is_digit(c) || length > (UINT64_MAX - digit) / 10)
        return refuse(400, "malformed Content-Length", ec);
      length = length * 10 + digit;
    }
    if (value.empty()) return refuse(400, "malformed Content-Length", ec);
    info_.content_length = length;
  }

  // The rest of a message never comes here: the parser is given a head and nothing else.
  void on_response_impl(int, text, int, code&) override {}
  void on_header_impl(code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, code&) override {}
  std::size_t on_body_impl(text, code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, text, code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text, code&) override { return 0; }
  void on_finish_impl(code&) override {}

  const limits& limits_;
  request& out_;
  message_info& info_;
  refusal refused_;
  std::string_view host_;
  unsigned hosts_ = 0;
  bool close_ = false, keep_alive_ = false, upgrade_ = false, upgrade_named_ = false;
};

/// The line that a version other than 1.0 and 1.1 stands in is well formed apart from it: "PRI * HTTP/2.0".
bool other_version(std::string_view request_line) noexcept {
  if (request_line.size() < 9) return false;
  const auto v = request_line.substr(request_line.size() - 9);
  return v.substr(0, 6) == " HTTP/" && is_digit(v[6]) && v[7] == '.' && is_digit(v[8]) && v.substr(6) != "1.0" &&
         v.substr(6) != "1.1";
}

/// Whether one of eight bytes is below 0x20 or is DEL. No sum leaves its byte: 0x7f + 0x60 < 0x100.
bool may_have_control(std::uint64_t eight) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, high = ones << 7, low = ~high;
  const std::uint64_t at_least_space = (eight & low) + ones * 0x60;  // high bit: 0x20 and above
  const std::uint64_t not_del = ((eight ^ low) & low) + low;         // high bit: any but 0x7f, 0xff
  return (~(at_least_space & not_del) & ~eight & high) != 0;
}

/// What the parser would pass: controls in a value, obs-fold (RFC 9112 section 5.2). Every LF is known to follow a CR,
/// and the head to end with both.
refusal check_bytes(std::string_view head) noexcept {
  const char* at = head.data();
  const char* const end = at + head.size();
  while (at != end) {
    std::ptrdiff_t part = end - at;
    if (part >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, at, part = 8);
      if (!may_have_control(eight)) {
        at += 8;
        continue;
      }
    }
    for (const char* const stop = at + part; at != stop; ++at) {
      if (!is_control(*at)) continue;
      if (*at == '\n') {
        if (at + 1 != end && (at[1] == ' ' || at[1] == '\t')) return {400, "folded header line"};
      } else if (*at != '\r' || at[1] != '\n') {
        return {400, "control character in the head"};
      }
    }
  }
  return {};
}

/// One past the CRLFCRLF of the head that begins at `from`; 0 when there is none yet. `scanned` is moved along.
std::size_t find_end(std::string_view input, std::size_t from, std::size_t& scanned, bool& bare_lf) noexcept {
  std::size_t at = std::max(scanned, from);
  while (at < input.size()) {
    const void* found = std::memchr(input.data() + at, '\n', input.size() - at);
    if (!found) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
    if (input[at - 1] != '\r') {  // at > from: a head begins with a token
      bare_lf = true;
      return 0;
    }
    scanned = ++at;
    if (at >= from + 4 && input[at - 3] == '\n') return at;
  }
  scanned = input.size();
  return 0;
}

}  // namespace

head_result parse_head(std::string_view input, std::size_t& scanned, const limits& l, request& out,
                       message_info& info) {
  const auto error = [](int status, const char* why) { return head_result{head_result::kind::error, 0, status, why}; };

  // RFC 9112 section 2.2: an empty line before the request line is ignored; two, since old clients end a body with one.
  std::size_t begin = 0;
  while (begin < 4 && input.substr(begin, 2) == "\r\n") begin += 2;
  if (begin == input.size() || (begin < 4 && input.substr(begin) == "\r")) return {head_result::kind::need_more, begin};
  if (!is_token_char(input[begin])) return error(400, "malformed method");  // a TLS hello, for one: told at once

  bool bare_lf = false;
  const std::size_t end = find_end(input, begin, scanned, bare_lf);
  if (bare_lf) return error(400, "line feed without carriage return");
  const std::size_t size = (end ? end : input.size()) - begin;
  if (size > l.head_bytes) {
    const bool long_line = input.substr(begin, l.head_bytes).find('\n') == std::string_view::npos;
    return long_line ? error(414, "request line too long") : error(431, "head too large");
  }
  if (!end) return {head_result::kind::need_more, begin};

  const auto head = input.substr(begin, size);
  if (const refusal r = check_bytes(head); r.status) return error(r.status, r.why);
  if (other_version(head.substr(0, head.find('\r')))) return error(505, "only HTTP/1.0 and HTTP/1.1");

  info = {};
  access::begin(out, head.data());
  head_parser parser(l, out, info);
  parser.header_limit(static_cast<std::uint32_t>(size + 1));
  parser.body_limit(boost::none);
  beast::error_code ec;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), ec);
  if (parser.refused().status) return error(parser.refused().status, parser.refused().why);
  if (ec) return error(400, "malformed head");
  if (!parser.is_header_done()) return error(400, "malformed head");
  if (const refusal r = parser.finish(); r.status) return error(r.status, r.why);
  return {head_result::kind::done, end};
}

}  // namespace lastcall::inline v0::http::detail
