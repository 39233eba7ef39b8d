// Bodies: the reader against a plain decoder that sees all of the input, and the same result however it is split. The
// input's first byte is the limit, with a high bit that means Content-Length (the second byte) instead of chunks.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/body_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

using http::detail::body_reader;
using http::detail::body_result;
using http::detail::hex_digit;
using http::detail::is_control;
using http::detail::is_space;
using http::detail::is_token_char;
using http::detail::message_info;
using kind = body_result::kind;

struct outcome {
  kind what = kind::need_more;
  int status = 0;
  std::size_t consumed = 0;
  std::string body;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Reads a chunked body from front to back.   Source: RFC 9112 section 7.1.
class plain_decoder {
 public:
  plain_decoder(std::string_view in, std::uint64_t limit) : in_(in), limit_(limit) {}

  outcome decode() {
    while (chunk()) {}
    return std::move(out_);
  }

 private:
  bool end(kind what, int status = 0) {
    out_.what = what;
    out_.status = status;
    if (what == kind::done) out_.consumed = at_;
    return false;
  }
  bool at_end() const { return at_ == in_.size(); }

  /// The one character wanted here, or the end of it all.
  bool take(char c) {
    if (at_end()) return end(kind::need_more);
    if (in_[at_] != c) return end(kind::error, 400);
    ++at_;
    return true;
  }

  bool ignore_until_cr() {
    for (; !at_end() && in_[at_] != '\r'; ++at_) {
      if (is_control(in_[at_]) || ++ignored_ > body_reader::ignored_bytes) return end(kind::error, 400);
    }
    return true;
  }

  /// The next byte, which is only read to be dropped, is one that `f` takes.
  template <class F> bool takes(const F& f) {
    if (at_end()) return end(kind::need_more);
    if (!f(in_[at_]) || ++ignored_ > body_reader::ignored_bytes) return end(kind::error, 400);
    ++at_;
    return true;
  }
  bool skip_space() {
    while (!at_end() && is_space(in_[at_]))
      if (!takes(is_space)) return false;
    return !at_end() || end(kind::need_more);
  }
  bool token() {
    if (!takes(is_token_char)) return false;
    while (!at_end() && is_token_char(in_[at_]))
      if (!takes(is_token_char)) return false;
    return !at_end() || end(kind::need_more);
  }
  bool quoted() {
    const auto text = [](char c) { return !is_control(c); };
    if (!takes(text)) return false;
    while (!at_end() && in_[at_] != '"') {
      if (in_[at_] == '\\' && !takes(text)) return false;
      if (!takes(text)) return false;
    }
    return takes(text) && (!at_end() || end(kind::need_more));
  }
  /// Behind the first ";".   Source: RFC 9112 section 7.1.1.
  bool extensions() {
    for (;;) {
      if (!skip_space() || !token()) return false;
      std::size_t from = at_;
      if (!skip_space()) return false;
      if (in_[at_] == '=') {
        if (!takes([](char) { return true; }) || !skip_space()) return false;
        if (in_[at_] == '"' ? !quoted() : !token()) return false;
        from = at_;
        if (!skip_space()) return false;
      }
      if (in_[at_] == '\r' && at_ == from) return true;
      if (!takes([](char c) { return c == ';'; })) return false;
    }
  }

  bool chunk() {
    const std::size_t from = at_;
    std::uint64_t size = 0;
    for (; !at_end() && hex_digit(in_[at_]) >= 0; ++at_) {
      if (at_ - from == 16) return end(kind::error, 400);
      size = size << 4 | static_cast<std::uint64_t>(hex_digit(in_[at_]));
    }
    if (at_end()) return end(kind::need_more);
    if (at_ == from || (in_[at_] != '\r' && in_[at_] != ';')) return end(kind::error, 400);
    if (size > limit_ - out_.body.size()) return end(kind::error, 413);
    if (in_[at_] == ';') {
      ++at_;
      if (!extensions()) return false;
    }
    if (!take('\r') || !take('\n')) return false;
    if (size == 0) return trailers();
    const auto part = in_.substr(at_, size);
    out_.body += part;
    at_ += part.size();
    if (part.size() < size) return end(kind::need_more);
    return take('\r') && take('\n');
  }

  bool trailers() {
    for (;;) {
      if (at_end()) return end(kind::need_more);
      if (in_[at_] == '\r') {
        ++at_;
        return take('\n') && end(kind::done);
      }
      const std::size_t from = at_;
      for (; !at_end() && is_token_char(in_[at_]); ++at_) {
        if (++ignored_ > body_reader::ignored_bytes) return end(kind::error, 400);
      }
      if (at_end()) return end(kind::need_more);
      if (at_ == from || in_[at_] != ':') return end(kind::error, 400);
      if (!ignore_until_cr()) return false;
      if (!take('\r') || !take('\n')) return false;
    }
  }

  const std::string_view in_;
  const std::uint64_t limit_;
  std::size_t at_ = 0;
  std::size_t ignored_ = 0;
  outcome out_;
};

outcome sized(std::string_view in, std::uint64_t length, std::uint64_t limit) {
  if (length > limit) return {kind::error, 413, 0, {}};
  const auto body = in.substr(0, length);
  if (body.size() < length) return {kind::need_more, 0, 0, std::string(body)};
  return {kind::done, 0, body.size(), std::string(body)};
}

outcome read(std::string_view in, const message_info& info, std::uint64_t limit, choices* choose) {
  body_reader reader(info, limit);
  outcome out;
  body_result r = reader.feed({}, out.body);
  std::size_t at = 0;
  while (r.what == kind::need_more && at < in.size()) {
    const exact_copy part(in.substr(at, choose ? choose->next(in.size() / 4 + 2) : in.size()));
    r = reader.feed(part.view(), out.body);
    require(r.consumed <= part.view().size(), "no more is consumed than is there");
    require(r.what != kind::need_more || r.consumed == part.view().size(), "who needs more has taken all");
    at += r.consumed;
  }
  out.what = r.what;
  out.status = r.status;
  if (r.what == kind::done) out.consumed = at;
  return out;
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  if (size < 2) return 0;
  const std::uint64_t limit = data[0] & 0x7f;
  message_info info;
  info.chunked = data[0] < 0x80;
  if (!info.chunked) info.content_length = data[1];
  const auto input = text(data + 1, size - 1);
  const auto wanted = info.chunked ? plain_decoder(input, limit).decode() : sized(input, data[1], limit);
  require(read(input, info, limit, nullptr) == wanted, "what a plain decoder reads");
  choices choose(input);
  require(read(input, info, limit, &choose) == wanted, "the same in pieces");
  return 0;
}
