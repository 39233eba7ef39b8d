// Finds out who answers a complete request, for HTTP/1.1 and HTTP/2: the handler in its form, the health answers, or
// the router's refusal. Sends nothing.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/routing/responder.hpp"

namespace lastcall::inline v0::http::detail {

/// Base class of a `Protocol`, a connection or a stream. The `Protocol` has shard(); current_exchange();
/// may_begin(handler), false if the connection has ended; answered(response) and reject(response); begin_call(handler)
/// and end_call(); and `in_coroutine_`, which is true while a coroutine runs that may answer at once.
template <class Protocol> class request_dispatch : public call_host {
 protected:
  ~request_dispatch() = default;

  /// Call it once the head is complete, so that refusals have a request id, too, if the server gives ids.
  void give_id();
  /// Call it once the request is complete, or once its head is, if the handler reads the body in pieces.
  void answer_request();

 private:
  Protocol& protocol() noexcept { return static_cast<Protocol&>(*this); }
  bool answer_health();
  void run(const handler&);
  response failed() noexcept;
};

template <class Protocol> void request_dispatch<Protocol>::give_id() {
  if (!protocol().shard().service().request_ids) return;
  request& r = protocol().current_exchange().req;
  const std::string_view sent = r.header("X-Request-Id");
  request_access::id(r) = acceptable_request_id(sent) ? std::string(sent) : make_request_id();
}

template <class Protocol> void request_dispatch<Protocol>::answer_request() {
  exchange& x = protocol().current_exchange();
  request_access::body(x.req, x.body);
  if (x.found.handle) return run(*x.found.handle);
  if (answer_health()) return;
  if (x.req.verb() == method::connect) x.info.keep_alive = false;  // the client would send bytes of a tunnel next
  protocol().reject(x.found.answer());
}

/// Answers /livez and /readyz. False: it is not such a request, or its method is not allowed.
template <class Protocol> bool request_dispatch<Protocol>::answer_health() {
  exchange& x = protocol().current_exchange();
  const service& service = protocol().shard().service();
  if (!service.health || x.found.status != 404 || (x.req.path() != "/livez" && x.req.path() != "/readyz")) return false;
  if (x.req.verb() != method::get && x.req.verb() != method::head) {
    x.found.status = x.req.verb() == method::options ? 204 : 405;
    x.found.allow = "GET, HEAD, OPTIONS";
    return false;
  }
  const bool alive = x.req.path() == "/livez";
  constexpr server_refusal not_ready = refusals::not_ready;
  protocol().answered(alive             ? text("alive\n")
                      : service.ready() ? text("ready\n")
                                        : text(std::string(not_ready.why) + "\n", not_ready.status));
  return true;
}

template <class Protocol> void request_dispatch<Protocol>::run(const handler& h) {
  if (!protocol().may_begin(h)) return;
  const request& req = protocol().current_exchange().req;
  const service& service = protocol().shard().service();
  switch (h.form()) {
    case form::plain:
      return protocol().answered([&] {  // the response is constructed in place, and not moved
        try {
          return h.erased().answer(req, service.life, nullptr);
        } catch (...) {
          return failed();
        }
      }());
    case form::responder: {
      call& c = protocol().begin_call(&h);
      c.acquire();
      responder reply(&c);
      try {
        h.erased().answer_later(req, c.life(), std::move(reply));
      } catch (...) {
        static_cast<void>(failed());  // for the log line only: the destroyed responder has answered
      }
      return;
    }
    case form::coroutine: {
      call& c = protocol().begin_call(&h);
      protocol().in_coroutine_ = true;
      protocol().shard().coroutines().run(c);
      protocol().in_coroutine_ = false;
      return;
    }
    case form::blocking: {
      call& c = protocol().begin_call(&h);
      c.acquire();
      const std::shared_ptr<call> in_pool(&c, [](call* p) { p->release(); });
      if (service.pool->submit([in_pool] { in_pool->run_blocking(); })) return;
      protocol().end_call();
      return protocol().reject(call::pool_is_full());
    }
  }
}

/// The answer to the exception that is being handled.
template <class Protocol> response request_dispatch<Protocol>::failed() noexcept {
  const service& service = protocol().shard().service();
  const std::string_view target = protocol().current_exchange().req.target();
  try {
    throw;
  } catch (const std::exception& error) {
    service.log.error(service.name, "a handler threw; sent 500", {{"target", target}, {"what", error.what()}});
  } catch (...) {
    service.log.error(service.name, "a handler threw something that is no std::exception; sent 500",
                      {{"target", target}});
  }
  return text("internal server error\n", 500);
}

}  // namespace lastcall::inline v0::http::detail
