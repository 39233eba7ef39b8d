#include "tests/fuzz/request_head_reference.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <cstdint>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::fuzz {
namespace {

namespace beast = boost::beast;
using http::detail::equal_ignoring_case;
using http::detail::is_alpha;
using http::detail::is_digit;

class beast_parser final : public beast::http::basic_parser<true> {
 public:
  explicit beast_parser(reference_head& out) : out_(out) {}

 private:
  using field = beast::http::field;
  using text = beast::string_view;
  using code = beast::error_code;

  void on_request_impl(beast::http::verb, text method, text target, int version, code&) override {
    out_.method.assign(method.data(), method.size());
    out_.target.assign(target.data(), target.size());
    out_.http_1_0 = version == 10;
  }
  void on_field_impl(field, text name, text value, code&) override {
    out_.fields.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  void on_response_impl(int, text, int, code&) override {}
  void on_header_impl(code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, code&) override {}
  std::size_t on_body_impl(text, code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, text, code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text, code&) override { return 0; }
  void on_finish_impl(code&) override {}

  reference_head& out_;
};

bool only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_digit(c) || is_alpha(c) || others.find(c) != std::string_view::npos; });
}

bool is_authority(std::string_view text, bool with_port) {
  auto host = text;
  const auto colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
  if (has_port) {
    host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), is_digit) || port.size() > 5 || (with_port && port.empty()))
      return false;
  } else if (with_port) {
    return false;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return only(host.substr(1, host.size() - 2), ":.%-_~");
  }
  return only(host, "-._~%!$&'()*+;=");
}

bool check_target(reference_head& h) {
  const std::string_view target = h.target;
  if (target.empty()) return false;
  if (!std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; })) return false;
  if (h.method == "CONNECT") {
    h.host = target;
    return target.front() != ':' && is_authority(target, true);
  }
  if (target == "*") return h.method == "OPTIONS";
  if (target.front() == '/') return true;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const auto rest = target.substr(scheme.size());
    h.host = rest.substr(0, rest.find_first_of("/?"));
    return !h.host.empty() && h.host.front() != ':' && is_authority(h.host, false);
  }
  return false;
}

std::vector<std::string> options_of(std::string_view list) {
  std::vector<std::string> all;
  for (const auto& token : beast::http::opt_token_list({list.data(), list.size()})) {
    std::string option(token.data(), token.size());
    std::transform(option.begin(), option.end(), option.begin(), http::detail::lower);
    all.push_back(option);
  }
  return all;
}

void check_fields(reference_head& h, const http::limits& l) {
  unsigned hosts = 0;
  std::string host;
  std::set<std::string> options;
  if (h.fields.size() > l.header_count) h.statuses.insert(431);
  for (const auto& [name, value] : h.fields) {
    if (equal_ignoring_case(name, "host")) {
      ++hosts;
      host = value;
      if (!is_authority(value, false)) h.statuses.insert(400);
    } else if (equal_ignoring_case(name, "content-length")) {
      std::uint64_t length = 0;
      const char* const end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, length);
      if (h.length || error != std::errc() || stop != end) h.statuses.insert(400);
      h.length = length;
    } else if (equal_ignoring_case(name, "transfer-encoding")) {
      if (h.chunked) h.statuses.insert(400);
      h.chunked = true;
      if (!equal_ignoring_case(value, "chunked")) h.statuses.insert(501);
    } else if (equal_ignoring_case(name, "connection")) {
      for (const auto& option : options_of(value)) options.insert(option);
    } else if (equal_ignoring_case(name, "expect")) {
      h.expect_continue = true;
      if (!equal_ignoring_case(value, "100-continue")) h.statuses.insert(417);
    }
  }
  if (hosts > 1 || (hosts == 0 && !h.http_1_0)) h.statuses.insert(400);
  if (h.chunked && (h.length || h.http_1_0)) h.statuses.insert(400);
  if (h.host.empty()) h.host = host;
  h.expect_continue = h.expect_continue && !h.http_1_0;
  h.keep_alive = !options.count("close") && (!h.http_1_0 || options.count("keep-alive"));
}

void check_bytes(std::string_view head, reference_head& h) {
  for (std::size_t at = 0; at < head.size(); ++at) {
    const char c = head[at];
    const bool line_end = (c == '\r' && head[at + 1] == '\n') || (c == '\n' && head[at - 1] == '\r');
    if (http::detail::is_control(c) && !line_end) h.statuses.insert(400);
    if (c == '\n' && at + 1 < head.size() && http::detail::is_space(head[at + 1])) h.statuses.insert(400);
  }
}

bool other_version(std::string_view line) {
  if (line.size() < 9) return false;
  const auto v = line.substr(line.size() - 9);
  return v.starts_with(" HTTP/") && is_digit(v[6]) && v[7] == '.' && is_digit(v[8]) && !v.ends_with("/1.0") &&
         !v.ends_with("/1.1");
}

}  // namespace

reference_head read_reference(std::string_view input, const http::limits& l) {
  reference_head h;
  const auto refused = [&](int status) {
    h.complete = true;
    h.statuses.insert(status);
    return h;
  };
  std::size_t begin = 0;
  for (int i = 0; i < 2 && input.substr(begin).starts_with("\r\n"); ++i) begin += 2;
  h.consumed = begin;
  if (begin == input.size() || (begin < 4 && input.substr(begin) == "\r")) return h;
  if (!http::detail::is_token_char(input[begin])) return refused(400);

  const auto rest = input.substr(begin);
  const auto found = rest.find("\r\n\r\n");
  const std::size_t size = found == rest.npos ? rest.size() : found + 4;
  const auto head = rest.substr(0, size);
  for (std::size_t at = 0; at < std::min(size, l.head_bytes); ++at) {
    if (head[at] == '\n' && head[at - 1] != '\r') return refused(400);
  }
  if (size > l.head_bytes) return refused(head.substr(0, l.head_bytes).find('\n') == head.npos ? 414 : 431);
  if (found == rest.npos) return h;

  h.complete = true;
  h.consumed = begin + size;
  check_bytes(head, h);
  if (other_version(head.substr(0, head.find('\r')))) h.statuses.insert(505);
  beast_parser parser(h);
  parser.header_limit(static_cast<std::uint32_t>(size + 1));
  parser.body_limit(boost::none);
  beast::error_code ec;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), ec);
  if (ec || !parser.is_header_done()) {
    h.statuses.insert(400);
    // The field that it stopped at is not among the fields, and may be wrong in another way as well.
    if (h.fields.size() == l.header_count) h.statuses.insert(431);
  }
  if (!check_target(h)) h.statuses.insert(400);
  check_fields(h, l);
  return h;
}

}  // namespace lastcall::fuzz
