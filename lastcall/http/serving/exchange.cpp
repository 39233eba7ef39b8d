#include "lastcall/http/serving/exchange.hpp"

#include <cstring>
#include <utility>

#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

std::span<char> exchange::room() noexcept {
  if (begin > 0 && capacity - end < capacity / 2) {
    std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    if (head != 0) request_access::move_head(req, req.method().data() - begin);  // the method is a head's first byte
    end -= begin;
    begin = 0;
  }
  return {buffer.get() + end, capacity - end};
}

void exchange::next() noexcept {
  begin += head + std::exchange(tail, 0);
  head = scanned = 0;
  body.clear();
  if (!std::exchange(in_pieces, false)) return;
  trailers.clear();
  in = {};
  out = {};
}

}  // namespace lastcall::inline v0::http::detail
