#include "lastcall/http/message/status.hpp"

#include <array>
#include <cstddef>

namespace lastcall::inline v0::http {
namespace {

struct named_status {
  std::size_t status;
  std::string_view phrase;
};

constexpr named_status registered[] = {{100, "Continue"},
                                       {101, "Switching Protocols"},
                                       {103, "Early Hints"},
                                       {200, "OK"},
                                       {201, "Created"},
                                       {202, "Accepted"},
                                       {203, "Non-Authoritative Information"},
                                       {204, "No Content"},
                                       {205, "Reset Content"},
                                       {206, "Partial Content"},
                                       {207, "Multi-Status"},
                                       {300, "Multiple Choices"},
                                       {301, "Moved Permanently"},
                                       {302, "Found"},
                                       {303, "See Other"},
                                       {304, "Not Modified"},
                                       {307, "Temporary Redirect"},
                                       {308, "Permanent Redirect"},
                                       {400, "Bad Request"},
                                       {401, "Unauthorized"},
                                       {402, "Payment Required"},
                                       {403, "Forbidden"},
                                       {404, "Not Found"},
                                       {405, "Method Not Allowed"},
                                       {406, "Not Acceptable"},
                                       {407, "Proxy Authentication Required"},
                                       {408, "Request Timeout"},
                                       {409, "Conflict"},
                                       {410, "Gone"},
                                       {411, "Length Required"},
                                       {412, "Precondition Failed"},
                                       {413, "Content Too Large"},
                                       {414, "URI Too Long"},
                                       {415, "Unsupported Media Type"},
                                       {416, "Range Not Satisfiable"},
                                       {417, "Expectation Failed"},
                                       {421, "Misdirected Request"},
                                       {422, "Unprocessable Content"},
                                       {423, "Locked"},
                                       {424, "Failed Dependency"},
                                       {425, "Too Early"},
                                       {426, "Upgrade Required"},
                                       {428, "Precondition Required"},
                                       {429, "Too Many Requests"},
                                       {431, "Request Header Fields Too Large"},
                                       {451, "Unavailable For Legal Reasons"},
                                       {500, "Internal Server Error"},
                                       {501, "Not Implemented"},
                                       {502, "Bad Gateway"},
                                       {503, "Service Unavailable"},
                                       {504, "Gateway Timeout"},
                                       {505, "HTTP Version Not Supported"},
                                       {507, "Insufficient Storage"},
                                       {511, "Network Authentication Required"}};

/// By status, since each response of HTTP/1.1 asks.
constexpr auto phrases = [] {
  std::array<std::string_view, 600> all{};
  for (const auto& [status, phrase] : registered) all[status] = phrase;
  return all;
}();

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  const auto at = static_cast<std::size_t>(status);
  return at < phrases.size() ? phrases[at] : std::string_view();
}

bool may_have_body(int status) noexcept { return status >= 200 && status != 204 && status != 205 && status != 304; }

}  // namespace lastcall::inline v0::http
