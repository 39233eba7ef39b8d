// What a response has in place of a body in memory: what makes the body, piece by piece, after the head was sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::http {
class body_writer;
}  // namespace lastcall::inline v0::http

namespace lastcall::inline v0::http::detail {

class upgrade;

/// Exactly one of `awaiting`, `blocking`, `file` and `upgrade` is set. Shared by the copies of a response, and never
/// changed.
struct body_source {
  std::optional<std::uint64_t> length = {};  ///< unknown: sent in chunks, or until the close to an HTTP/1.0 client
  function<task<>(body_writer)> awaiting = {};
  function<void(body_writer)> blocking = {};
  net::unique_fd file = {};  ///< from `offset` on
  std::uint64_t offset = 0;
  duration beat_after = {};                       ///< after this time without a byte, `beat` is sent; zero: never
  std::string_view beat = {};                     ///< outlives it
  std::shared_ptr<detail::upgrade> upgrade = {};  ///< of a 101
};

/// The source of a response, which programs set by streamed() or file() only.
struct response_access {
  /// Null: it has a body in memory.
  static const std::shared_ptr<const body_source>& source(const response& r) noexcept { return r.source_; }
  static response with(response&& r, body_source from) {
    r.source_ = std::make_shared<const body_source>(std::move(from));
    return std::move(r);
  }
  static response with_status(int status) {
    response r;
    r.status_ = status;
    return r;
  }
};

/// 101, in answer to a request that asked for it.
response switching(std::shared_ptr<upgrade> to);

}  // namespace lastcall::inline v0::http::detail
