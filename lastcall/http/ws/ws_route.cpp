// A route for WebSockets: a plain handler that accepts the handshake, or refuses it with the reason.
#include <stdexcept>

#include "lastcall/core/duration.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/ws_handshake.hpp"
#include "lastcall/http/ws/ws_session.hpp"

namespace lastcall::inline v0::ws {

namespace {

void check(const options& o, std::string_view pattern) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument("WebSocket \"" + std::string(pattern) + "\": " + why);
  };
  for (const auto& [name, value] : {std::pair{"ping_interval", o.ping_interval},
                                    {"pong_time", o.pong_time},
                                    {"write_time", o.write_time},
                                    {"goodbye_time", o.goodbye_time}})
    if (value < duration::zero()) refuse(std::string(name) + " = " + lastcall::to_text(value) + " is negative");
  if (o.max_message_bytes == 0 || o.input_bytes == 0 || o.output_bytes == 0)
    refuse("a buffer of 0 bytes holds nothing");
  if (!may_be_sent(o.drain_code)) refuse("drain_code " + std::to_string(o.drain_code) + " may not be sent");
}

http::response refusal(http::detail::server_refusal why) {
  http::response r = http::detail::answer_of(why);
  if (why.status == 426) r.header("Sec-WebSocket-Version", "13");
  return r;
}

http::response agree(const std::shared_ptr<const detail::route>& route, const http::request& r, const context& life) {
  detail::handshake now = detail::read_handshake(r, route->settings);
  if (now.status != 101) return refusal({now.status, now.why});
  // A WebSocket that begins during a drain would be closed at once: its client would not know what was received.
  if (life.draining()) return refusal(http::detail::refusals::no_new_websocket);
  auto kept = route->handle.wants_request() ? http::detail::request_access::copy(r) : nullptr;
  http::response yes =
      http::detail::switching(std::make_shared<detail::websocket_upgrade>(route, now.subprotocol, std::move(kept)));
  yes.header("Sec-WebSocket-Accept", now.accept);
  if (!now.subprotocol.empty()) yes.header("Sec-WebSocket-Protocol", now.subprotocol);
  return yes;
}

}  // namespace

http::handler handler_for(std::string_view pattern, handler h, options o) {
  check(o, pattern);
  const auto route = std::make_shared<const detail::route>(std::move(h), std::move(o), pattern);
  return [route](const http::request& r, context life) { return agree(route, r, life); };
}

}  // namespace lastcall::inline v0::ws
