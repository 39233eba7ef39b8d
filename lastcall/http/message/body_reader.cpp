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
  if (state_ == state::trailer_lf) {
    while (is_space(trailers.back())) trailers.pop_back();
    trailers += '\n';
  } else if (c != '\r' && !(is_space(c) && trailers.back() == ':')) {
    trailers += c;
  }
}

/// The state behind `c`, a byte of a chunk extension; `refused` if it can't stand there.   Source: RFC 9112
/// section 7.1.1.
body_reader::state body_reader::behind_extension_byte(state at, char c) noexcept {
  const bool in_name = at == state::ext_name || at == state::ext_name_gap;
  switch (at) {
    case state::ext_name_first:
      return is_space(c) ? at : is_token_char(c) ? state::ext_name : state::refused;
    case state::ext_value_first:
      if (c == '"') return state::ext_quoted;
      return is_space(c) ? at : is_token_char(c) ? state::ext_value : state::refused;
    case state::ext_quoted:
      if (c == '"') return state::ext_quoted_end;
      return c == '\\' ? state::ext_escaped : is_control(c) ? state::refused : at;
    case state::ext_escaped:
      return is_control(c) ? state::refused : state::ext_quoted;
    case state::ext_name:
    case state::ext_value:
      if (is_token_char(c)) return at;
      [[fallthrough]];
    case state::ext_quoted_end:
      if (c == '\r') return state::size_lf;
      [[fallthrough]];
    default:
      if (c == ';') return state::ext_name_first;
      if (c == '=' && in_name) return state::ext_value_first;
      return !is_space(c) ? state::refused : in_name ? state::ext_name_gap : state::ext_value_gap;
  }
}

/// One byte of framing; null, or why it is refused.
const char* body_reader::step(char c) noexcept {
  const auto become = [&](state next) -> const char* {
    state_ = next;
    return nullptr;
  };
  const auto expect_lf = [&](state next) { return c == '\n' ? become(next) : "carriage return without line feed"; };
  const auto ignore = [&] { return ++ignored_ > ignored_bytes ? "chunk extensions and trailers too large" : nullptr; };
  switch (state_) {
    case state::size_first:
    case state::size_rest:
      if (const int digit = hex_digit(c); digit >= 0) {
        if (++digits_ > 16) return "chunk size of more than 16 digits";
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return become(state::size_rest);
      }
      if (state_ == state::size_first || (c != '\r' && c != ';')) return "malformed chunk size";
      if (left_ > room_) {
        status_ = 413;
        return "body too large";
      }
      return become(c == '\r' ? state::size_lf : state::ext_name_first);
    case state::ext_name_first:
    case state::ext_name:
    case state::ext_name_gap:
    case state::ext_value_first:
    case state::ext_value:
    case state::ext_quoted:
    case state::ext_escaped:
    case state::ext_quoted_end:
    case state::ext_value_gap:
      become(behind_extension_byte(state_, c));
      if (state_ == state::refused) return "malformed chunk extension";
      return state_ == state::size_lf ? nullptr : ignore();
    case state::size_lf:
      room_ -= left_;
      digits_ = 0;
      return expect_lf(left_ == 0 ? state::trailer_first : state::data);
    case state::data_cr:
      return c == '\r' ? become(state::data_lf) : "chunk longer than its size";
    case state::data_lf:
      return expect_lf(state::size_first);
    case state::trailer_first:
      if (c == '\r') return become(state::end_lf);
      if (!is_token_char(c)) return "malformed trailer";
      become(state::trailer_name);
      return ignore();
    case state::trailer_name:
      if (c == ':') {
        become(state::trailer_value);
      } else if (!is_token_char(c)) {
        return "malformed trailer";
      }
      return ignore();
    case state::trailer_value:
      if (c == '\r') return become(state::trailer_lf);
      return is_control(c) ? "control character in a trailer" : ignore();
    case state::trailer_lf:
      return expect_lf(state::trailer_first);
    case state::end_lf:
      return expect_lf(state::done);
    case state::sized:
    case state::data:
    case state::done:
    case state::refused:
      break;
  }
  return nullptr;
}

}  // namespace lastcall::inline v0::http::detail
