#include "lastcall/http/requests/middleware.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/routing/handler_access.hpp"

namespace lastcall::inline v0::http {

namespace {

using erased = std::unique_ptr<const detail::erased_handler>;

/// A handler, and the function of a middleware that stands around it.
template <class F> class wrapping : public detail::erased_handler {
 public:
  wrapping(erased&& inner, std::shared_ptr<const F> own)
      : wrapping(inner->form, inner->wants_context, std::move(inner), std::move(own)) {}
  wrapping(http::form f, bool context, erased&& inner, std::shared_ptr<const F> own)
      : erased_handler(f, context, inner->streams_body), inner_(std::move(inner)), own_(std::move(own)) {}

 protected:
  const erased inner_;
  const std::shared_ptr<const F> own_;
};

template <class Wrapper, class F> middleware made_of(F own) {
  if (!own) throw std::invalid_argument("middleware: the function is empty");
  return [own = std::make_shared<const F>(std::move(own))](handler h) {
    const route_options options = h.options();
    return detail::handler_access::make(std::make_unique<const Wrapper>(detail::handler_access::release(h), own),
                                        options);
  };
}

using look_function = function<std::optional<response>(const request&)>;

class looks_before final : public wrapping<look_function> {
 public:
  using wrapping::wrapping;
  response answer(const request& r, const context& c, detail::call* body) const override {
    if (std::optional<response> said = (*own_)(r)) return std::move(*said);
    return inner_->answer(r, c, body);
  }
  void answer_later(const request& r, const context& c, responder reply) const override {
    if (std::optional<response> said = (*own_)(r)) return reply.send(std::move(*said));
    inner_->answer_later(r, c, std::move(reply));
  }
  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    if (std::optional<response> said = (*own_)(r)) co_return std::move(*said);
    co_return co_await inner_->run(r, c, call);
  }
};

using change_function = function<void(const request&, response&)>;

/// Stands between a handler and its responder.
class changed_reply final : public detail::pending_reply {
 public:
  changed_reply(const request& r, responder to, std::shared_ptr<const change_function> change) noexcept
      : request_(r), to_(std::move(to)), change_(std::move(change)) {}

  void reply(response&& r) noexcept override {
    if (to_.gone()) return;
    if (exception_of([&] { (*change_)(request_, r); })) {
      to_ = responder();  // a 500, as for any handler that fails
    } else {
      to_.send(std::move(r));
    }
  }
  void unanswered() noexcept override { to_ = responder(); }
  bool gone() const noexcept override { return to_.gone(); }

 private:
  const request& request_;
  responder to_;
  const std::shared_ptr<const change_function> change_;
};

class changes_after final : public wrapping<change_function> {
 public:
  using wrapping::wrapping;
  response answer(const request& r, const context& c, detail::call* body) const override {
    response said = inner_->answer(r, c, body);
    (*own_)(r, said);
    return said;
  }
  void answer_later(const request& r, const context& c, responder reply) const override {
    inner_->answer_later(r, c, detail::answers_through(new changed_reply(r, std::move(reply), own_)));
  }
  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    response said = co_await inner_->run(r, c, call);
    (*own_)(r, said);
    co_return said;
  }
};

using wrap_function = function<task<response>(const request&, const context&, const next_handler&)>;

}  // namespace

class detail::wrapped_around final : public wrapping<wrap_function> {
 public:
  wrapped_around(erased&& inner, std::shared_ptr<const wrap_function> wrap)
      : wrapping(form::coroutine, true, std::move(inner), std::move(wrap)) {}

  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    const next_handler rest(*inner_, r, c, call);
    co_return co_await (*own_)(r, c, rest);
  }
};

task<response> next_handler::operator()() const {
  if (inner_.form == form::plain) co_return inner_.answer(request_, context_, nullptr);
  if (inner_.form == form::coroutine) co_return co_await inner_.run(request_, context_, call_);
  co_return co_await call_.answer_elsewhere(inner_, request_, context_);
}

middleware before(function<std::optional<response>(const request&)> look) {
  return made_of<looks_before>(std::move(look));
}

middleware after(function<void(const request&, response&)> change) { return made_of<changes_after>(std::move(change)); }

middleware around(function<task<response>(const request&, const context&, const next_handler&)> wrap) {
  return made_of<detail::wrapped_around>(std::move(wrap));
}

middleware timeout(duration time) {
  static_cast<void>(handler([](const request&) { return response(204); }).timeout(time));  // its check
  return [time](handler h) { return h.options().timeout ? std::move(h) : std::move(h).timeout(time); };
}

}  // namespace lastcall::inline v0::http
