#include "lastcall/http/message/body_reader.hpp"

#include <algorithm>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http::detail {

body_reader::body_reader(const message_info& info, std::uint64_t limit) noexcept : room_(limit) {
  if (info.chunked) {
    state_ = state::size_first;
  } else if (info.content_length.value_or(0) > 0) {
    left_ = *info.content_length;
    state_ = state::sized;
    if (left_ > limit) refuse(0, 413, "body too large");
  }
}

body_result body_reader::refuse(std::size_t at, int status, const char* why) noexcept {
  state_ = state::refused;
  status_ = status;
  why_ = why;
  return {body_result::kind::error, at, status, why};
}

body_result body_reader::feed(std::string_view in, std::string& out, std::string* trailers) {
  std::size_t at = 0;
  while (state_ != state::done) {
    if (state_ == state::refused) return {body_result::kind::error, at, status_, why_};
    if (at == in.size()) return {body_result::kind::need_more, at};
    if (state_ == state::data || state_ == state::sized) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - at));
      out.append(in.data() + at, n);
      at += n;
      left_ -= n;
      if (left_ == 0) state_ = state_ == state::sized ? state::done : state::data_cr;
      continue;
    }
    if (trailers && state_ >= state::trailer_first && state_ <= state::trailer_lf) note(in[at], *trailers);
    if (const char* why = step(in[at])) return refuse(at, status_ ? status_ : 400, why);
    ++at;
  }
  return {body_result::kind::done, at};
}

/// Keeps a byte of a trailer line, without the white space around its value.
void body_reader::note(char c, std::string& trailers) const {
  const bool space = c == ' ' || c == '\t';
  if (state_ == state::trailer_lf) {
    while (trailers.back() == ' ' || trailers.back() == '\t') trailers.pop_back();
    trailers += '\n';
  } else if (c != '\r' && !(space && trailers.back() == ':')) {
    trailers += c;
  }
}

/// One byte of framing; null, or why it is refused.
const char* body_reader::step(char c) noexcept {
  switch (state_) {
    case state::size_first:
    case state::size_rest: {
      if (const int digit = hex_digit(c); digit >= 0) {
        if (++digits_ > 16) return "chunk size of more than 16 digits";
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        state_ = state::size_rest;
        return nullptr;
      }
      if (state_ == state::size_first || (c != '\r' && c != ';')) return "malformed chunk size";
      if (left_ > room_) {
        status_ = 413;
        return "body too large";
      }
      state_ = c == '\r' ? state::size_lf : state::extension;
      return nullptr;
    }
    case state::extension:
      if (c == '\r') {
        state_ = state::size_lf;
        return nullptr;
      }
      if (is_control(c)) return "control character in a chunk extension";
      return ++ignored_ > ignored_bytes ? "chunk extensions and trailers too large" : nullptr;
    case state::size_lf:
      if (c != '\n') return "carriage return without line feed";
      state_ = left_ == 0 ? state::trailer_first : state::data;
      room_ -= left_;
      digits_ = 0;
      return nullptr;
    case state::data_cr:
      if (c != '\r') return "chunk longer than its size";
      state_ = state::data_lf;
      return nullptr;
    case state::data_lf:
      if (c != '\n') return "carriage return without line feed";
      state_ = state::size_first;
      return nullptr;
    case state::trailer_first:
      if (c == '\r') {
        state_ = state::end_lf;
        return nullptr;
      }
      if (!is_token_char(c)) return "malformed trailer";
      state_ = state::trailer_name;
      return ++ignored_ > ignored_bytes ? "chunk extensions and trailers too large" : nullptr;
    case state::trailer_name:
      if (c == ':') {
        state_ = state::trailer_value;
      } else if (!is_token_char(c)) {
        return "malformed trailer";
      }
      return ++ignored_ > ignored_bytes ? "chunk extensions and trailers too large" : nullptr;
    case state::trailer_value:
      if (c == '\r') {
        state_ = state::trailer_lf;
        return nullptr;
      }
      if (is_control(c)) return "control character in a trailer";
      return ++ignored_ > ignored_bytes ? "chunk extensions and trailers too large" : nullptr;
    case state::trailer_lf:
      if (c != '\n') return "carriage return without line feed";
      state_ = state::trailer_first;
      return nullptr;
    case state::end_lf:
      if (c != '\n') return "carriage return without line feed";
      state_ = state::done;
      return nullptr;
    case state::sized:
    case state::data:
    case state::done:
    case state::refused:
      break;
  }
  return nullptr;
}

}  // namespace lastcall::inline v0::http::detail
