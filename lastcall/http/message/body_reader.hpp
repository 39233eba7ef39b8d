// Request bodies of HTTP/1.1: where they end, and their bytes without the framing. Pure. Does not know heads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/http/message/message_info.hpp"

namespace lastcall::inline v0::http::detail {

struct body_result {
  enum class kind : unsigned char { need_more, done, error };
  kind what = kind::need_more;
  std::size_t consumed = 0;  // of the input: all of it for need_more; for done, the next request begins there
  int status = 0;            // error: 400 or 413; the connection can't be used any further
  const char* why = "";
};

/// Decodes one body, by Content-Length or chunked. Strict: chunk sizes of at most 16 hexadecimal digits, CR and LF only
/// as line ends; chunk extensions are checked, bounded and dropped.   Source: RFC 9112 sections 6 and 7.1.
class body_reader {
 public:
  /// A message without a body: done with the first call.
  body_reader() = default;
  /// `limit` in decoded bytes.
  body_reader(const message_info& info, std::uint64_t limit) noexcept;

  /// Appends what `in` holds of the body to `out`, and trailers, each "name:value\n", to `trailers` if there is one. A
  /// body that says it will be larger than the limit is refused before any byte of the excess arrives; `feed({}, out)`
  /// right after the head tells that for Content-Length.
  body_result feed(std::string_view in, std::string& out, std::string* trailers = nullptr);

  /// Chunk extensions and trailers of one body together.
  static constexpr std::uint32_t ignored_bytes = 16 * 1024;

 private:
  enum class state : unsigned char {
    sized,       // Content-Length: `left_` bytes to go
    size_first,  // the first digit of a chunk size
    size_rest,   // further digits, or what ends them
    // A chunk extension. A gap is white space, behind which the line can't end.
    ext_name_first,  // behind ";"
    ext_name,
    ext_name_gap,
    ext_value_first,  // behind "="
    ext_value,
    ext_quoted,
    ext_escaped,  // behind a backslash
    ext_quoted_end,
    ext_value_gap,
    size_lf,  // the LF of the size line
    data,     // `left_` bytes of the chunk to go
    data_cr,
    data_lf,
    trailer_first,  // the first byte of a trailer line, or of the empty one
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,  // the LF of the empty line: the last byte
    done,
    refused,
  };

  body_result refuse(std::size_t at, int status, const char* why) noexcept;
  const char* step(char c) noexcept;
  static state behind_extension_byte(state at, char c) noexcept;
  void note(char c, std::string& trailers) const;

  state state_ = state::done;
  std::uint8_t digits_ = 0;
  std::uint32_t ignored_ = 0;
  std::uint64_t left_ = 0;  // of the chunk, or of the body by Content-Length
  std::uint64_t room_ = 0;  // below the limit
  int status_ = 0;
  const char* why_ = "";
};

}  // namespace lastcall::inline v0::http::detail
