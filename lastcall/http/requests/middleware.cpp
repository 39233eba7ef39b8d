#include "lastcall/http/requests/middleware.hpp"

#include <memory>
#include <utility>

#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/routing/pending_reply.hpp"

namespace lastcall::inline v0::http {

namespace {

using erased = std::unique_ptr<const detail::erased_handler>;

template <class Wrapper, class F> handler wrapped(handler h, const std::shared_ptr<const F>& f) {
  const handler::options options = h.route_options();
  return handler(std::make_unique<const Wrapper>(h.release(), f), options);
}

using look_function = function<std::optional<response>(const request&)>;

class looks_before final : public detail::erased_handler {
 public:
  looks_before(erased inner, std::shared_ptr<const look_function> look)
      : erased_handler(inner->form, inner->wants_context, inner->streams_body),
        inner_(std::move(inner)),
        look_(std::move(look)) {}

  response answer(const request& r, const context& c, detail::call* body) const override {
    if (std::optional<response> said = (*look_)(r)) return std::move(*said);
    return inner_->answer(r, c, body);
  }
  void answer_later(const request& r, const context& c, responder reply) const override {
    if (std::optional<response> said = (*look_)(r)) return reply.send(std::move(*said));
    inner_->answer_later(r, c, std::move(reply));
  }
  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    if (std::optional<response> said = (*look_)(r)) co_return std::move(*said);
    co_return co_await inner_->run(r, c, call);
  }

 private:
  const erased inner_;
  const std::shared_ptr<const look_function> look_;
};

using change_function = function<void(const request&, response&)>;

/// Stands between a handler and its responder.
class changed_reply final : public detail::pending_reply {
 public:
  changed_reply(const request& r, responder to, std::shared_ptr<const change_function> change) noexcept
      : request_(r), to_(std::move(to)), change_(std::move(change)) {}

  void reply(response&& r) noexcept override {
    if (to_.gone()) return;
    try {
      (*change_)(request_, r);
      to_.send(std::move(r));
    } catch (...) {
      to_ = responder();  // a 500, as for any handler that fails
    }
  }
  void unanswered() noexcept override { to_ = responder(); }
  bool gone() const noexcept override { return to_.gone(); }

 private:
  const request& request_;
  responder to_;
  const std::shared_ptr<const change_function> change_;
};

class changes_after final : public detail::erased_handler {
 public:
  changes_after(erased inner, std::shared_ptr<const change_function> change)
      : erased_handler(inner->form, inner->wants_context, inner->streams_body),
        inner_(std::move(inner)),
        change_(std::move(change)) {}

  response answer(const request& r, const context& c, detail::call* body) const override {
    response said = inner_->answer(r, c, body);
    (*change_)(r, said);
    return said;
  }
  void answer_later(const request& r, const context& c, responder reply) const override {
    inner_->answer_later(r, c, responder(new changed_reply(r, std::move(reply), change_)));
  }
  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    response said = co_await inner_->run(r, c, call);
    (*change_)(r, said);
    co_return said;
  }

 private:
  const erased inner_;
  const std::shared_ptr<const change_function> change_;
};

using wrap_function = function<task<response>(const request&, const context&, const next_handler&)>;

class wrapped_around final : public detail::erased_handler {
 public:
  wrapped_around(erased inner, std::shared_ptr<const wrap_function> wrap)
      : erased_handler(form::coroutine, true, inner->streams_body), inner_(std::move(inner)), wrap_(std::move(wrap)) {}

  detail::response_task run(const request& r, const context& c, detail::call& call) const override {
    const next_handler rest(*inner_, r, c, call);
    co_return co_await (*wrap_)(r, c, rest);
  }

 private:
  const erased inner_;
  const std::shared_ptr<const wrap_function> wrap_;
};

}  // namespace

task<response> next_handler::operator()() const {
  switch (inner_.form) {
    case form::plain:
      co_return inner_.answer(request_, context_, nullptr);
    case form::coroutine:
      co_return co_await inner_.run(request_, context_, call_);
    case form::responder:
    case form::blocking:
      break;
  }
  co_return co_await call_.answer_elsewhere(inner_, request_, context_);
}

middleware before(function<std::optional<response>(const request&)> look) {
  return [f = std::make_shared<const look_function>(std::move(look))](handler h) {
    return wrapped<looks_before>(std::move(h), f);
  };
}

middleware after(function<void(const request&, response&)> change) {
  return [f = std::make_shared<const change_function>(std::move(change))](handler h) {
    return wrapped<changes_after>(std::move(h), f);
  };
}

middleware around(function<task<response>(const request&, const context&, const next_handler&)> wrap) {
  return [f = std::make_shared<const wrap_function>(std::move(wrap))](handler h) {
    return wrapped<wrapped_around>(std::move(h), f);
  };
}

}  // namespace lastcall::inline v0::http
