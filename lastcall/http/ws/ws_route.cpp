// A route for WebSockets: a plain handler that accepts the handshake, or refuses it with the reason.
#include <stdexcept>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/parse_number.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/authority.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/ws_handshake.hpp"
#include "lastcall/http/ws/ws_session.hpp"

namespace lastcall::inline v0::ws {

namespace {

/// For messages.
std::string shown(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// Empty, or why no page's Origin header will ever be that. Source: RFC 6454 section 6.2, WHATWG HTML section 7.1.1.
std::string why_never_sent(std::string_view origin) {
  using http::detail::is_alpha;
  using http::detail::is_digit;
  if (origin == "null") return {};
  if (origin == "*") return "is no page's; leave origins empty to let any page connect";
  const auto colon = origin.find("://");
  if (colon == origin.npos || colon == 0) return "has no scheme; write it as https://example.org";
  const std::string_view scheme = origin.substr(0, colon), host = origin.substr(colon + 3);
  if (http::detail::equal_ignoring_case(scheme, "ws") || http::detail::equal_ignoring_case(scheme, "wss"))
    return "is a WebSocket's address; a page's is http:// or https://";
  const bool sound = is_alpha(scheme[0]) && std::ranges::all_of(scheme, [](char c) {
                       return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                     });
  if (!sound || host.empty() || !http::detail::is_sound_authority(host, false) || host.front() == ':' ||
      host.ends_with(':') || host.find('*') != host.npos)
    return "is no scheme, host and port; a page's has no path, no user and no slash at its end";
  if (const auto port = host.rfind(':'); port != host.npos && host.back() != ']')
    if (!lastcall::detail::parse_number<std::uint16_t>(host.substr(port + 1)) || host[port + 1] == '0')
      return "has a port that pages do not write so; give 1 to 65535, without a zero before it";
  const std::string_view usual = http::detail::equal_ignoring_case(scheme, "https")  ? ":443"
                                 : http::detail::equal_ignoring_case(scheme, "http") ? ":80"
                                                                                     : std::string_view();
  if (!usual.empty() && host.ends_with(usual)) return "has the usual port of its scheme, which pages leave out";
  return {};
}

void check(const stream_options& o, std::string_view pattern) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument("WebSocket \"" + std::string(pattern) + "\": " + why);
  };
  const std::string part = "WebSocket \"" + std::string(pattern) + '"';
  const lastcall::detail::option_check allowed(part);
  allowed.number("max_message_bytes", o.max_message_bytes, 1, allowed.most_bytes);
  allowed.number("input_bytes", o.input_bytes, 1, allowed.most_bytes);
  allowed.number("output_bytes", o.output_bytes, 1, allowed.most_bytes);
  allowed.time("idle_ping_after", o.idle_ping_after);
  allowed.time_above_zero("pong_time", o.pong_time);
  allowed.time_above_zero("write_time", o.write_time);
  allowed.time("goodbye_time", o.goodbye_time);
  for (auto each = o.subprotocols.begin(); each != o.subprotocols.end(); ++each) {
    if (!http::detail::is_token(*each))
      refuse("the subprotocol \"" + shown(*each) + "\" is no token: no client can offer it");
    if (std::find(o.subprotocols.begin(), each, *each) != each) refuse("the subprotocol " + *each + " is given twice");
  }
  for (const std::string& each : o.origins)
    if (const std::string why = why_never_sent(each); !why.empty()) refuse("the origin \"" + shown(each) + "\" " + why);
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
  auto kept = route->handle.wants_first() ? http::detail::request_access::copy(r) : nullptr;
  http::response yes =
      http::detail::switching(std::make_shared<detail::websocket_upgrade>(route, now.subprotocol, std::move(kept)));
  yes.header("Sec-WebSocket-Accept", now.accept);
  if (!now.subprotocol.empty()) yes.header("Sec-WebSocket-Protocol", now.subprotocol);
  return yes;
}

}  // namespace

http::handler handler_for(std::string_view pattern, handler h, stream_options o) {
  check(o, pattern);
  if (!h) return {};  // refused by the router
  const auto route = std::make_shared<const detail::route>(std::move(h), std::move(o), pattern);
  return [route](const http::request& r, context life) { return agree(route, r, life); };
}

}  // namespace lastcall::inline v0::ws
