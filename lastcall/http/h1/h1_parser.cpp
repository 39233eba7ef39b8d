// One head of HTTP/1.x, read in one pass without copies. The same bytes give the same verdict, however they were split
// when they arrived. The order of checks: a bare line feed within the largest size, then the size, then the first other
// error. Each function of head_reader takes a position and returns the next one; null means that the head is refused,
// or incomplete. refused() tells which.
#include "lastcall/http/h1/h1_parser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/authority.hpp"
#include "lastcall/http/message/byte_scan.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

using access = request_access;

struct refusal {
  int status = 0;  // 0: none
  const char* why = "";
};

/// Whether `text`, a token, is `literal` in any case. `literal` is small letters and hyphens: with bit 5 set, no token
/// character except their capitals becomes one of these.
template <std::size_t N> bool is(std::string_view text, const char (&literal)[N]) noexcept {
  if (text.size() != N - 1) return false;
  for (std::size_t i = 0; i < N - 1; ++i) {
    if ((text[i] | 0x20) != literal[i]) return false;
  }
  return true;
}

/// Calls `use` for each token of a list, in which elements may be empty. False: the text is not a list.   Source: RFC
/// 9110 section 5.6.1.
template <class Use> bool each_token(std::string_view list, const Use& use) noexcept {
  const char* at = list.data();
  const char* const end = at + list.size();
  for (;; ++at) {
    while (at != end && is_space(*at)) ++at;
    const char* const begin = at;
    at = find_token_end(at, end);
    use({begin, at});
    while (at != end && is_space(*at)) ++at;
    if (at == end) return true;
    if (*at != ',') return false;
  }
}

/// Splits the target, of which every byte is graphic and none is "#", by its form. `mark` is its first "?", or its
/// end.   Source: RFC 9112 section 3.2.
refusal read_target(std::string_view target, std::size_t mark, request& out) noexcept {
  constexpr refusal malformed{400, "malformed request target"};
  const auto query = mark == target.size() ? std::string_view{} : target.substr(mark + 1);
  auto path = target.substr(0, mark);
  if (out.verb() == method::connect) {
    if (!is_sound_authority(target, true) || target.front() == ':') return malformed;
    access::target(out, target, {}, {});
    access::host(out, target);
    return {};
  }
  if (path.empty()) return malformed;
  if (path.front() != '/') {
    if (target == "*" && out.verb() == method::options) {
      access::target(out, target, target, {});
      return {};
    }
    const auto colon = path.find("://");
    if (colon == std::string_view::npos) return malformed;
    const auto scheme = path.substr(0, colon);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return malformed;
    path.remove_prefix(colon + 3);
    const auto authority = path.substr(0, path.find('/'));
    if (authority.empty() || authority.front() == ':' || !is_sound_authority(authority, false)) return malformed;
    access::host(out, authority);
    path.remove_prefix(authority.size());
  }
  access::target(out, target, path, query);
  return {};
}

/// Reads one head from its first byte, in one pass, and keeps the first thing that is wrong with it.
class head_reader {
 public:
  head_reader(const char* end, const limits& l, request& out, message_info& info) noexcept
      : end_(end), limits_(l), out_(out), info_(info) {}

  /// Returns the position behind the head; null if it is refused or incomplete.
  const char* read(const char* at) {
    info_ = {};
    access::begin(out_, at);
    at = request_line(at);
    while (at) {
      at = usual_field_lines(at);
      if (at == end_) return nullptr;
      if (*at == '\r') break;
      at = field_line(at);
    }
    if (at) at = line_end(at);
    return at && finish() ? at : nullptr;
  }

  /// No status when nothing is wrong so far.
  const refusal& refused() const noexcept { return refused_; }

 private:
  void refuse(int status, const char* why) noexcept { refused_ = {status, why}; }

  /// A CRLF. `at` must be before `end_`.
  const char* line_end(const char* at) noexcept {
    if (*at != '\r') return refuse(400, "control character in the head"), nullptr;
    if (at + 1 == end_) return nullptr;
    if (at[1] != '\n') return refuse(400, "carriage return without line feed"), nullptr;
    return at + 2;
  }

  /// Source: RFC 9112 section 3.
  const char* request_line(const char* at) noexcept {
    const char* const name = at;
    at = find_token_end(at, end_);
    if (at == end_) return nullptr;
    if (*at != ' ') return refuse(400, "malformed method"), nullptr;
    access::method(out_, {name, at});

    const char* const target = ++at;
    const char* mark = nullptr;
    for (at = find_target_mark(at, end_); at != end_ && *at == '?'; at = find_target_mark(at + 1, end_)) {
      if (!mark) mark = at;
    }
    if (at == end_) return nullptr;
    if (*at != ' ' || at == target) return refuse(400, "malformed request target"), nullptr;

    const char* const next = version(at + 1);
    if (!next) return nullptr;
    const refusal r = read_target({target, at}, static_cast<std::size_t>((mark ? mark : at) - target), out_);
    if (r.status) return refuse(r.status, r.why), nullptr;
    return next;
  }

  /// The usual version with one comparison, every other one byte by byte, so that an error shows before the line is
  /// complete.
  const char* version(const char* at) noexcept {
    constexpr std::string_view usual = "HTTP/1.1\r\n", form = "HTTP/0.0\r\n";
    if (end_ - at >= std::ssize(usual) && std::memcmp(at, usual.data(), usual.size()) == 0) return at + usual.size();
    const std::string_view have(at, std::min(form.size(), static_cast<std::size_t>(end_ - at)));
    for (std::size_t i = 0; i < have.size(); ++i) {
      if (form[i] == '0' ? !is_digit(have[i]) : have[i] != form[i])
        return refuse(400, "malformed HTTP version"), nullptr;
    }
    if (have.size() < form.size()) return nullptr;
    info_.http_1_0 = have.substr(5, 3) == "1.0";
    if (!info_.http_1_0) return refuse(505, "only HTTP/1.0 and HTTP/1.1"), nullptr;
    return at + form.size();
  }

  /// The fast path: reads lines of the usual form in few steps each. The form: a name of letters, digits and hyphens, a
  /// space, a value that neither begins nor ends with white space. Stops before every other line, and before a field
  /// that decides about the message.
  const char* usual_field_lines(const char* at) {
#ifdef __SSE2__
    constexpr std::ptrdiff_t block = 16, beyond = block + 2;  // a line break may begin with a block's last byte
    std::size_t fields = fields_;
    for (const char* name = at; fields < limits_.header_count; ++fields, name = at) {
      if (end_ - name < 2 * block + beyond) break;
      unsigned other = sixteen_bytes(name).not_usual_in_name();
      if (!other) other = sixteen_bytes(name + block).not_usual_in_name() << block;
      if (!other) break;
      const auto name_size = static_cast<unsigned>(std::countr_zero(other));
      if (name_size == 0 || std::memcmp(name + name_size, ": ", 2) != 0 || decides(name, name_size)) break;

      const char* const value = name + name_size + 2;
      const char* value_end = value;
      unsigned control = sixteen_bytes(value).controls();
      while (!control && end_ - value_end >= block + beyond) control = sixteen_bytes(value_end += block).controls();
      if (!control) break;
      value_end += std::countr_zero(control);
      if (std::memcmp(value_end, "\r\n", 2) != 0 || is_space(value_end[-1]) || is_space(*value)) break;
      access::add_field(out_, {name, name_size}, {value, value_end});
      at = value_end + 2;
    }
    fields_ = fields;
#endif
    return at;
  }

  /// Whether `field` may look at a field of that name. The names it knows have different sizes, so size and first
  /// letter are enough.
  static bool decides(const char* name, std::size_t size) noexcept {
    constexpr std::size_t most = 17;
    static constexpr auto first = [] {
      std::array<char, most + 1> letters{};
      for (const std::string_view each :
           {"host", "expect", "connection", "content-length", "proxy-connection", "transfer-encoding"})
        letters[each.size()] = each.front();
      return letters;
    }();
    return size <= most && first[size] == (name[0] | 0x20);
  }

  /// One header line, with all checks.   Source: RFC 9112 section 5.
  const char* field_line(const char* at) {
    const char* const name = at;
    at = find_token_end(at, end_);
    if (at == end_) return nullptr;
    if (*at != ':' || at == name) {
      return refuse(400, !is_space(*name) ? "malformed header name"
                         : fields_ == 0   ? "white space before the first header"
                                          : "folded header line"),
             nullptr;
    }
    const std::string_view name_text(name, at);

    ++at;
    while (at != end_ && is_space(*at)) ++at;
    const char* const value = at;
    at = find_control(at, end_);
    if (at == end_) return nullptr;
    const char* const next = line_end(at);
    if (!next || next == end_) return nullptr;
    // RFC 9112 section 5.2: a server may refuse obs-fold. What the line says so far is not judged.
    if (is_space(*next)) return refuse(400, "folded header line"), nullptr;
    while (at != value && is_space(at[-1])) --at;

    if (fields_++ == limits_.header_count) return refuse(431, "too many header fields"), nullptr;
    const std::string_view value_text(value, at);
    access::add_field(out_, name_text, value_text);
    return field(name_text, value_text) ? next : nullptr;
  }

  /// Reads the fields that decide about the message or the connection. False: refused.
  bool field(std::string_view name, std::string_view value) noexcept {
    switch (name.size()) {
      case 4:
        return !is(name, "host") || on_host(value);
      case 6:
        return !is(name, "expect") || on_expect(value);
      case 10:
        return !is(name, "connection") || on_connection(value);
      case 14:
        return !is(name, "content-length") || on_content_length(value);
      case 16:
        return !is(name, "proxy-connection") || on_proxy_connection(value);
      case 17:
        return !is(name, "transfer-encoding") || on_transfer_encoding(value);
      default:
        return true;
    }
  }

  /// The host of an absolute target wins.   Source: RFC 9112 section 3.2.2.
  bool on_host(std::string_view value) noexcept {
    if (host_named_) return refuse(400, "more than one Host"), false;
    if (!is_sound_authority(value, false)) return refuse(400, "malformed Host"), false;
    host_named_ = true;
    if (out_.host().empty()) access::host(out_, value);
    return true;
  }

  bool on_expect(std::string_view value) noexcept {
    if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "unknown expectation"), false;
    info_.expect_continue = true;
    return true;
  }

  bool on_connection(std::string_view value) noexcept {
    const bool sound = each_token(value, [this](std::string_view option) {
      close_ = close_ || is(option, "close");
      keep_alive_ = keep_alive_ || is(option, "keep-alive");
    });
    if (!sound) return refuse(400, "malformed Connection"), false;
    return true;
  }

  /// Has no effect. A list that is malformed may mean something else to a proxy.
  bool on_proxy_connection(std::string_view value) noexcept {
    if (!each_token(value, [](std::string_view) {})) return refuse(400, "malformed Proxy-Connection"), false;
    return true;
  }

  // A list of equal lengths is refused, too: requests are smuggled where two servers treat such a list differently.
  bool on_content_length(std::string_view value) noexcept {
    if (info_.content_length) return refuse(400, "more than one Content-Length"), false;
    if (info_.chunked) return refuse(400, "both Transfer-Encoding and Content-Length"), false;
    info_.content_length = parse_content_length(value);
    if (!info_.content_length) return refuse(400, "malformed Content-Length"), false;
    return true;
  }

  /// Each of these errors has been used to smuggle requests.   Source: RFC 9112 section 6.1.
  bool on_transfer_encoding(std::string_view value) noexcept {
    if (info_.chunked) return refuse(400, "more than one Transfer-Encoding"), false;
    if (info_.content_length) return refuse(400, "both Transfer-Encoding and Content-Length"), false;
    if (info_.http_1_0) return refuse(400, "Transfer-Encoding in HTTP/1.0"), false;
    if (!equal_ignoring_case(value, "chunked")) return refuse(501, "transfer coding other than chunked"), false;
    info_.chunked = true;
    return true;
  }

  /// The checks and results that need all fields.
  bool finish() noexcept {
    // RFC 9112 section 3.2: any HTTP/1.1 request without a Host header is answered with 400.
    if (!host_named_ && !info_.http_1_0) return refuse(400, "no Host"), false;
    info_.has_body = info_.chunked || info_.content_length.value_or(0) > 0;
    info_.keep_alive = !close_ && (!info_.http_1_0 || keep_alive_);
    if (info_.http_1_0) info_.expect_continue = false;  // RFC 9110 section 10.1.1
    return true;
  }

  const char* const end_;
  const limits& limits_;
  request& out_;
  message_info& info_;
  refusal refused_;
  std::size_t fields_ = 0;
  bool host_named_ = false, close_ = false, keep_alive_ = false;
};

/// The offset behind the CRLFCRLF of the head that begins at `from`; 0 if it has not arrived. Moves `scanned` forward.
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
  while (begin < 4 && begin < input.size() && input[begin] == '\r' && input.substr(begin, 2) == "\r\n") begin += 2;
  if (begin == input.size() || (begin < 4 && input.substr(begin) == "\r")) return {head_result::kind::need_more, begin};
  if (!is_token_char(input[begin]))
    return error(400, "malformed method");  // for example a TLS hello: refused with its first byte

  // Bytes beyond the limit are not read, so that the verdict does not depend on how many of them have arrived.
  const auto seen = input.substr(0, begin + std::min(l.head_bytes, input.size() - begin));
  const char* const first = seen.data() + begin;

  // Nearly every head arrives at once, and is read at once. If it is incomplete, later calls search for its end, each
  // byte once, and the head is read again when the end is there.
  head_reader reader(seen.data() + seen.size(), l, out, info);
  const bool fresh = scanned <= begin;
  const char* read = fresh ? reader.read(first) : nullptr;
  if (!read && (!fresh || reader.refused().status)) {
    bool bare_lf = false;
    const std::size_t end = find_end(seen, begin, scanned, bare_lf);
    if (bare_lf) return error(400, "line feed without carriage return");
    if (end && !fresh) read = reader.read(first);
    if (end && !read) return error(reader.refused().status, reader.refused().why);
  }
  if (read) return {head_result::kind::done, static_cast<std::size_t>(read - input.data())};
  scanned = seen.size();
  if (seen.size() == input.size()) return {head_result::kind::need_more, begin};
  const bool long_line = seen.find('\n', begin) == std::string_view::npos;
  return long_line ? error(414, "target too long") : error(431, "head too large");
}

}  // namespace lastcall::inline v0::http::detail
