#include "lastcall/http/routing/responder.hpp"

#include <stdexcept>

#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/pending_reply.hpp"

namespace lastcall::inline v0::http {

responder detail::answers_through(pending_reply* p) noexcept { return responder(p); }

responder& responder::operator=(responder&& other) noexcept {
  responder taken(std::move(other));
  std::swap(pending_, taken.pending_);
  return *this;
}

responder::~responder() {
  if (!pending_) return;
  pending_->unanswered();
  pending_->release();
}

void responder::send(response r) {
  if (!pending_) throw std::logic_error("responder: nothing to answer; a request is answered once");
  detail::pending_reply* p = std::exchange(pending_, nullptr);
  p->reply(std::move(r));
  p->release();
}

bool responder::gone() const noexcept { return !pending_ || pending_->gone(); }

}  // namespace lastcall::inline v0::http
