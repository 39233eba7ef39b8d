#include "lastcall/http/requests/exchange.hpp"

#include <utility>

#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

std::span<char> exchange::room() noexcept {
  const std::size_t moved = input.compact();
  if (moved != 0 && input.has_head())
    request_access::move_head(req, req.method().data() - moved);  // the method is a head's first byte
  return input.free_space();
}

void exchange::next() noexcept {
  input.next();
  body.clear();
  ends = time_point::max();
  if (!std::exchange(in_pieces, false)) return;
  trailers.clear();
  incoming = {};
  outgoing = {};
}

void exchange::continue_from(exchange& other) {
  found = other.found;
  records = std::move(other.records);
  input.continue_from(other.input);
  info = other.info;
  reader = other.reader;
  in_pieces = true;
  incoming = other.incoming;
  outgoing = std::exchange(other.outgoing, {});
}

}  // namespace lastcall::inline v0::http::detail
