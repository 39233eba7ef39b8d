// One HTTP/1.1 response as a strict client reads it: bytes in, a verdict on the message out. Pure; opens no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// Reads one response, however it is sliced. What a careful client would not trust is malformed: a bare LF, an
/// obsolete line fold, Content-Length beside Transfer-Encoding, two different lengths, a coding other than chunked.
/// Interim responses (1xx) are read past, 101 excepted, which nobody asked for.   Threads: one.   Source: RFC 9112.
class http_reply {
 public:
  static constexpr std::size_t head_limit = 65536;

  /// Makes ready for the response to the next request. To HEAD no body belongs, whatever the length says.
  void begin(bool head_request = false);

  /// Takes bytes up to the end of the response and says how many it took: fewer than given when the response is
  /// complete (the rest is not ours) or malformed.
  std::size_t take(std::string_view bytes);

  /// The connection's orderly end: completes a body that is delimited by it, and no other.
  void take_end();

  bool begun() const noexcept { return begun_; }  // at least one byte came
  bool complete() const noexcept { return part_ == part::complete; }
  bool malformed() const noexcept { return fault_ != nullptr; }
  const char* fault() const noexcept { return fault_; }  // what is wrong, for people; nullptr if nothing is

  int status() const noexcept { return status_; }                       // 0 before the status line
  bool closes() const noexcept { return closes_; }                      // no further request belongs on this connection
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }     // of the body proper, without chunk framing
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
  std::string line_;  // the line being read, or the rest of one from an earlier slice
  std::size_t head_bytes_ = 0;
  std::uint64_t left_ = 0;  // of the body or the chunk
  std::uint64_t body_bytes_ = 0;
  std::string body_start_;
  int status_ = 0;
  bool begun_ = false, head_request_ = false, status_seen_ = false, closes_ = false;
  bool http10_ = false, keeps_ = false, has_length_ = false, chunked_ = false;
};

}  // namespace lastcall::inline v0::testing
