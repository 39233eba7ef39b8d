#include "lastcall/testing/internal/request_text.hpp"

#include <strings.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "lastcall/testing/internal/token.hpp"

namespace lastcall::inline v0::testing {

namespace {

std::string name_of(const std::string& header) { return header.substr(0, header.find(':')); }

bool is_named(const std::string& header, const char* name) { return ::strcasecmp(name_of(header).c_str(), name) == 0; }

}  // namespace

void check(const request_options& o) {
  for (const std::string& each : o.headers) {
    const bool control =
        std::ranges::any_of(each, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
    if (control || each.find(':') == each.npos || !is_token(name_of(each)))
      throw std::invalid_argument("header '" + each + "': give 'Name: value'");
    for (const char* own : {"Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade"}) {
      if (is_named(each, own)) throw std::invalid_argument("header '" + each + "': the client says this itself");
    }
  }
  if (!o.method.empty() && (!is_token(o.method) || o.method == "CONNECT"))
    throw std::invalid_argument("method '" + o.method + "': give GET, POST, PUT, …");
}

std::string request_text(const load_options& load, const server_address& server, const request_options& o) {
  const bool uploads = load.kind == load_kind::upload;
  const std::string usual = uploads || !o.body.empty() ? "POST" : "GET";
  std::string text = (uploads || o.method.empty() ? usual : o.method) + " " + load.path + " HTTP/1.1\r\n";
  const auto unless_given = [&](const char* name, const std::string& value) {
    const auto is_it = [name](const std::string& header) { return is_named(header, name); };
    if (std::ranges::none_of(o.headers, is_it)) text.append(name).append(": ").append(value).append("\r\n");
  };
  unless_given("Host", server.host);
  unless_given("User-Agent", "lastcall-probe");
  unless_given("Accept", "*/*");
  if (uploads) unless_given("Content-Type", "application/octet-stream");
  for (const std::string& each : o.headers) text += each + "\r\n";
  if (uploads || !o.body.empty())
    text += "Content-Length: " + std::to_string(uploads ? load.bytes : o.body.size()) + "\r\n";
  if (load.kind == load_kind::fresh) text += "Connection: close\r\n";
  return text + "\r\n" + (uploads ? std::string() : o.body);
}

}  // namespace lastcall::inline v0::testing
