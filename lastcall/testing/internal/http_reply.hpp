// Parses one HTTP/1.1 response strictly: bytes in, "complete" or "malformed" out. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// The bytes may come in any pieces. Malformed is also what a careful client does not trust: a bare LF, an obsolete
/// line fold, Content-Length together with Transfer-Encoding, two different lengths, a coding other than chunked. Skips
/// interim responses (1xx); 101 is malformed, since no request asks for it.   Threads: one.   Source: RFC 9112.
class http_reply {
 public:
  static constexpr std::size_t head_limit = 65536;

  /// Begins the response to the next request. A response to HEAD has no body, whatever its length says.
  void begin(bool head_request = false);

  /// Takes bytes up to the end of the response, and returns how many: fewer than given when the response is complete
  /// (the rest belongs to the next one) or malformed.
  std::size_t take(std::string_view bytes);

  /// The connection's orderly end. It completes only a body that is delimited by it.
  void take_end();

  bool begun() const noexcept { return begun_; }  // at least one byte came
  bool complete() const noexcept { return part_ == part::complete; }
  bool malformed() const noexcept { return fault_ != nullptr; }
  const char* fault() const noexcept { return fault_; }  // why it is malformed, for people; else nullptr

  int status() const noexcept { return status_; }                       // 0 before the status line
  bool closes() const noexcept { return closes_; }                      // no further request on this connection
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }     // of the body, without chunk framing
  std::string_view body_start() const noexcept { return body_start_; }  // its first 32 bytes at most

 private:
  enum class part : unsigned char { head, body, body_to_end, chunk_size, chunk_data, chunk_end, trailers, complete };

  bool take_line(std::string_view& bytes);
  void read_head();
  bool read_status_line(std::string_view);
  bool read_field(std::string_view);
  void decide_framing();
  void read_chunk_size();
  void take_body(std::string_view& bytes);
  void wrong(const char* fault);

  part part_ = part::complete;
  const char* fault_ = nullptr;
  std::string line_;  // the beginning of a line that is incomplete
  std::size_t head_bytes_ = 0;
  std::uint64_t left_ = 0;  // of the body or the chunk
  std::uint64_t body_bytes_ = 0;
  std::string body_start_;
  int status_ = 0;
  bool begun_ = false, head_request_ = false, status_seen_ = false, closes_ = false;
  bool http10_ = false, keeps_ = false, has_length_ = false, chunked_ = false;
};

}  // namespace lastcall::inline v0::testing
