#include "lastcall/http/message/limits.hpp"

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::http {

void check(const limits& l) {
  const lastcall::detail::option_check allowed("http limits");
  allowed.number("head_bytes", l.head_bytes, 64, 1024 * 1024);
  allowed.number("header_count", l.header_count, 1, 10'000);
  allowed.number("body_bytes", l.body_bytes, 0, allowed.most_bytes);
  allowed.number("max_connections", l.max_connections, 0, allowed.most_things);
  allowed.number("max_connections_per_address", l.max_connections_per_address, 0, allowed.most_things);
  allowed.number("max_streams", l.max_streams, 1, 10'000);
  allowed.time_above_zero("head_time", l.head_time);
  allowed.time_above_zero("body_time", l.body_time);
  allowed.time_above_zero("idle_close_after", l.idle_close_after);
  allowed.time_above_zero("write_time", l.write_time);
}

}  // namespace lastcall::inline v0::http
