// Request heads: our parser against Beast's with our checks. What one refuses the other refuses, what both accept they
// read alike, and a verdict does not hang on how the bytes come.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/request_head_reference.hpp"

namespace lastcall::fuzz {
namespace {

using http::detail::head_result;
using http::detail::message_info;
using http::detail::parse_head;

constexpr http::limits small{.head_bytes = 1024, .header_count = 12};

void compare(std::string_view input, const head_result& got, const http::request& r, const message_info& i) {
  const reference_head wanted = read_reference(input, small);
  if (got.what == head_result::kind::need_more) {
    require(!wanted.complete, "what is complete or refused gets an answer");
    require(got.consumed == wanted.consumed, "blank lines are told from a request");
    return;
  }
  require(wanted.complete, "an answer comes only to what is complete or refused");
  if (got.what == head_result::kind::error) {
    require(wanted.statuses.count(got.status) == 1, "a refusal has its reason");
    return;
  }
  require(wanted.statuses.empty(), "what is to be refused is refused");
  require(got.consumed == wanted.consumed, "the same end of the head");
  require(r.method() == wanted.method && r.target() == wanted.target && r.host() == wanted.host,
          "the same request line");
  const auto headers = r.headers();
  require(std::equal(headers.begin(), headers.end(), wanted.fields.begin(), wanted.fields.end(),
                     [](const auto& a, const auto& b) { return a.name == b.first && a.value == b.second; }),
          "the same fields");
  require(i.content_length == wanted.length && i.chunked == wanted.chunked && i.http_1_0 == wanted.http_1_0 &&
              i.keep_alive == wanted.keep_alive && i.expect_continue == wanted.expect_continue &&
              i.has_body == (wanted.chunked || wanted.length.value_or(0) > 0),
          "the same message");
  require(r.method() == "CONNECT" || !r.path().empty(), "a path, but for CONNECT");
}

/// The verdict of bytes that arrive in pieces, each time in a block of memory of its own.
head_result parse_in_pieces(std::string_view input) {
  choices choose(input);
  http::request r;
  message_info i;
  std::size_t scanned = 0, have = 0;
  head_result last;
  do {
    have += std::min(input.size() - have, choose.next(input.size() / 4 + 2));
    const exact_copy copy(input.substr(0, have));
    last = parse_head(copy.view(), scanned, small, r, i);
    require(scanned <= have, "no more is searched than is there");
  } while (last.what == head_result::kind::need_more && have < input.size());
  return last;
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  static lastcall::http::request r;  // used again, as a session does
  message_info i;
  std::size_t scanned = 0;
  const auto input = text(data, size);
  const head_result whole = parse_head(input, scanned, small, r, i);
  compare(input, whole, r, i);
  const head_result pieces = parse_in_pieces(input);
  require(pieces.what == whole.what && pieces.status == whole.status && std::string_view(pieces.why) == whole.why &&
              pieces.consumed == whole.consumed,
          "the same verdict, however the bytes come");
  return 0;
}
