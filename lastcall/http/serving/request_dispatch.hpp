// Who answers a complete request, whatever protocol brought it: its handler, in the form that this has, or the service
// in its place. Sends nothing.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/serving/call.hpp"
#include "lastcall/http/serving/shard.hpp"

namespace lastcall::inline v0::http::detail {

/// The base of a `Protocol`, which has: shard(); present(), the exchange; may_begin(handler), false where there
/// is nobody left to answer; answered(response) and reject(response); begin_call(handler), end_call(), and `within_`,
/// true while a coroutine may answer at once.
template <class Protocol> class request_dispatch : public call_host {
 protected:
  ~request_dispatch() = default;

  /// The head is complete: what is refused from now on has an id, too, where requests have one.
  void give_id();
  /// The request is complete, or its body is one that its handler takes as it comes.
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
  if (x.req.verb() == method::connect) x.info.keep_alive = false;  // what follows is not meant for us
  protocol().reject(x.found.answer());
}

/// False: no probe asks, or not in a way that is allowed.
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
  protocol().answered(alive ? text("alive\n") : service.ready() ? text("ready\n") : text("draining\n", 503));
  return true;
}

template <class Protocol> void request_dispatch<Protocol>::run(const handler& h) {
  if (!protocol().may_begin(h)) return;
  const request& req = protocol().current_exchange().req;
  const service& service = protocol().shard().service();
  switch (h.form()) {
    case form::plain:
      return protocol().answered([&] {  // made where it is used, never moved
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
        static_cast<void>(failed());  // the log line; the lost responder has answered
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

/// What becomes of an exception that is being handled.
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
