// Which handler a request goes to, by method and path. Does not call it, and does no I/O.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/function.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/handler.hpp"

namespace lastcall::inline v0::sse {
class handler;
struct stream_options;
}  // namespace lastcall::inline v0::sse
namespace lastcall::inline v0::ws {
class handler;
struct stream_options;
}  // namespace lastcall::inline v0::ws

namespace lastcall::inline v0::http {

/// A handler, or what the router answers in its place.
struct match_result {
  const handler* handle = nullptr;  // lives as long as the router
  /// Without a handler: 400 malformed path, 404, 405, 501 CONNECT and methods that no route names
  /// and RFC 9110 does not know, 204 for an OPTIONS that no route takes.
  int status = 0;
  std::string allow;  // the Allow header with 204 and 405

  /// The router's own answer. Only without a handler.
  response answer() const;
};

/// A tree of path segments. A pattern is written decoded and begins with "/"; "{name}" stands for one segment that is
/// not empty, "{name...}" as the last for the rest, which may be. "/a" and "/a/" are two patterns.
///
/// Of several routes that fit, the one with the earliest literal segment wins, then {name}, then {name...}; a route
/// fits only with its method. GET serves HEAD too; OPTIONS is answered with Allow. Parameters are decoded once: %2F is
/// data, not a separator. Refused with 400: a malformed percent sign, %00, "." and ".." as a segment, encoded or not,
/// also beside an encoded slash.
///
/// Errors, at registration: std::invalid_argument that shows the route and says what is wrong with it: a malformed
/// pattern, one that fits the same paths as another route of its method, a method that differs from a known one by
/// case. Threads: registration one; `match` any number, once registration is over.
class router {
 public:
  router();
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;
  ~router();

  /// Wraps every route that is added later; the first one used is the outermost. Does not wrap answers of the router or
  /// the server itself (404, 405, /livez).   Errors: std::logic_error once there is a route, which it would miss.
  router& use(function<handler(handler)> m);

  router& get(std::string_view pattern, handler h) { return route("GET", pattern, std::move(h)); }
  router& head(std::string_view pattern, handler h) { return route("HEAD", pattern, std::move(h)); }
  router& post(std::string_view pattern, handler h) { return route("POST", pattern, std::move(h)); }
  router& put(std::string_view pattern, handler h) { return route("PUT", pattern, std::move(h)); }
  router& del(std::string_view pattern, handler h) { return route("DELETE", pattern, std::move(h)); }
  router& patch(std::string_view pattern, handler h) { return route("PATCH", pattern, std::move(h)); }
  router& options(std::string_view pattern, handler h) { return route("OPTIONS", pattern, std::move(h)); }
  /// Every method for which the same pattern has no route of its own.
  router& any(std::string_view pattern, handler h);
  /// Any method, also one that is not above. Not CONNECT, which has no path.
  router& route(std::string_view method, std::string_view pattern, handler h);

  /// Routes whose patterns begin with `prefix` ("/api/v1", without a slash at its end), and which middleware that
  /// `fill` uses stands around; middleware of this router stands around that. Groups may hold groups. In a group "" is
  /// the prefix itself.   Errors: std::invalid_argument for a prefix that can't be one; those of `fill`.
  router& group(std::string_view prefix, const function<void(router&)>& fill);

  // The next two are templates, because routing must not include sse and ws: `handler_for` is found in the namespace of
  // the handler where a program calls them.

  /// GET of a stream of server-sent events. Needs lastcall/events.hpp, which has the forms of handlers and the options.
  template <class Handler = sse::handler, class Options = sse::stream_options>
  router& events(std::string_view pattern, std::type_identity_t<Handler> h, std::type_identity_t<Options> o = {}) {
    return get(pattern, handler_for(pattern, std::move(h), std::move(o)));
  }
  /// A WebSocket: GET with a handshake. Without one the answer is 426, with a malformed one 400, from a page
  /// that is not allowed 403, while draining 503. Needs lastcall/websocket.hpp, which has the forms of handlers and the
  /// options.
  template <class Handler = ws::handler, class Options = ws::stream_options>
  router& websocket(std::string_view pattern, std::type_identity_t<Handler> h, std::type_identity_t<Options> o = {}) {
    return get(pattern, handler_for(pattern, std::move(h), std::move(o)));
  }

  /// For the server's own answers: GET of this very path, without middleware, unless a route serves that already.
  /// Routes with parameters, which may fit it too, do not.
  void get_unless_routed(std::string_view path, handler h);
  /// All routes, in the order in which they were added. The addresses stay while the router lives, also when it moves.
  const std::deque<route_name>& routes() const noexcept { return routes_; }
  /// Fills in the parameters of `r`. Allocates nothing for a match, once `r` has its capacity.
  match_result match(request& r) const;

  /// Most parameters of one pattern, most segments of one.
  static constexpr std::size_t max_params = 16;
  static constexpr std::size_t max_segments = 64;

 private:
  struct node;

  bool has_get(std::string_view path) const noexcept;

  std::unique_ptr<node> root_;
  std::string prefix_;  // of the group that is being filled
  std::vector<function<handler(handler)>> around_;
  std::deque<route_name> routes_;
  std::vector<std::string> other_methods_;  // methods of routes that have no value in `method`
  bool has_routes_ = false;
};

}  // namespace lastcall::inline v0::http
