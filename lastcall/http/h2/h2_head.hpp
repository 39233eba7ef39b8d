// The head of an HTTP/2 request, field by field, as the flat text that a request has views of. Pure. Knows no frames;
// what is wrong with fields by themselves (capital letters, connection-specific ones, pseudo-fields twice or late)
// nghttp2 has refused before.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"
#include "lastcall/http/message/message_info.hpp"

namespace lastcall::inline v0::http {
class request;
struct limits;
}  // namespace lastcall::inline v0::http

namespace lastcall::inline v0::http::detail {

/// What the head came to.
struct h2_verdict {
  enum class kind : unsigned char {
    sound,
    refused,    ///< to be answered with `status`
    malformed,  ///< no answer: a stream error of type PROTOCOL_ERROR
  };
  kind what = kind::sound;
  int status = 0;
  const char* why = "";
};

/// One head at a time, in memory that is the caller's and stays while `out` is used: at least twice limits.head_bytes,
/// since Host may be added to what was sent.
class h2_head {
 public:
  h2_head(std::span<char> memory, request& out, const limits& l) noexcept;

  void add(std::string_view name, std::string_view value);
  /// All fields are here. `ended`: and there is no body.
  h2_verdict finish(bool ended, message_info& info);

  /// Of the memory.
  std::size_t size() const noexcept { return size_; }
  /// What the client may send at most counts like this.   Source: RFC 9113 section 6.5.2.
  static constexpr std::size_t size_of(std::string_view name, std::string_view value) noexcept {
    return name.size() + value.size() + 32;
  }

 private:
  void refuse(int status, const char* why) noexcept;
  void malformed(const char* why) noexcept;
  void pseudo(std::string_view name, std::string_view value);
  void add_field(std::string_view name, std::string_view value);
  std::string_view keep(std::string_view text) noexcept;
  void read_target();

  const std::span<char> memory_;
  request& out_;
  const limits& limits_;
  std::size_t size_ = 0;
  std::size_t listed_ = 0;
  std::size_t fields_ = 0;
  std::string_view method_, path_, authority_, host_;
  std::string cookies_;
  message_info info_;
  bool cookie_ = false;
  bool path_given_ = false;
  bool scheme_known_ = true;
  h2_verdict verdict_;
};

}  // namespace lastcall::inline v0::http::detail
