// Dates against the C library's reader, and preconditions over arbitrary header lines. The input is header lines, each
// of whose values is also read as a date.
#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "lastcall/http/files/preconditions.hpp"
#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/date.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

constexpr std::time_t now = 1795428000;            // 2026-11-23
constexpr std::time_t last_second = 253402300799;  // of the year 9999

void check_date(std::string_view value) {
  const exact_copy copy(value);
  const auto when = http::parse_date(copy.view(), now);
  if (!when) return;
  const std::string text(value);
  std::tm parts{};
  const char* form = value.size() == 29   ? "%a, %d %b %Y %H:%M:%S GMT"
                     : value.size() == 24 ? "%a %b %e %H:%M:%S %Y"
                                          : "%A, %d-%b-%y %H:%M:%S GMT";
  const char* const end = strptime(text.c_str(), form, &parts);
  require(end && *end == '\0', "a date for the C library too");
  if (value.size() == 29 || value.size() == 24) require(timegm(&parts) == *when, "the same second");
  std::array<char, 29> written;
  if (*when >= 0 && *when <= last_second)
    require(http::parse_date(http::format_date(*when, written), now) == when, "read as written");
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  using lastcall::http::detail::precondition;
  choices choose(text(data, size));
  constexpr const char* methods[] = {"GET", "HEAD", "PUT", "OPTIONS"};
  const std::string method = methods[choose.next(4)];
  std::string head = method + " / HTTP/1.1\r\nHost: h\r\n";
  head.append(text(data, size)).append("\r\n\r\n");
  lastcall::http::request r;
  lastcall::http::detail::message_info info;
  std::size_t scanned = 0;
  using lastcall::http::detail::head_result;
  if (parse_head(head, scanned, {}, r, info).what != head_result::kind::done) return 0;
  for (const auto& f : r.headers()) check_date(f.value);

  const auto said = lastcall::http::detail::evaluate_preconditions(r, {"\"a\"", 784111777}, now);
  const bool reads = method == "GET" || method == "HEAD";
  require(said != precondition::not_modified || reads, "304 only for reading");
  require(said != precondition::ignore_range || (method == "GET" && r.has_header("Range")),
          "a range is ignored only where one is asked for");
  const bool conditional = r.has_header("If-Match") || r.has_header("If-None-Match") ||
                           r.has_header("If-Modified-Since") || r.has_header("If-Unmodified-Since") ||
                           r.has_header("If-Range");
  require(said == precondition::proceed || said == precondition::ignore_range || (conditional && method != "OPTIONS"),
          "nothing stops without a condition");
  return 0;
}
