#include "lastcall/http/routing/responder.hpp"

#include <stdexcept>

#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/pending_reply.hpp"

namespace lastcall::inline v0::http {

responder& responder::operator=(responder&& other) noexcept {
  if (this != &other) {
    drop();
    pending_ = std::exchange(other.pending_, nullptr);
  }
  return *this;
}

responder::~responder() { drop(); }

void responder::send(response r) {
  if (!pending_) throw std::logic_error("responder: nothing to answer; a request is answered once");
  detail::pending_reply* p = std::exchange(pending_, nullptr);
  p->reply(std::move(r));
  p->release();
}

bool responder::gone() const noexcept { return !pending_ || pending_->gone(); }

void responder::drop() noexcept {
  if (detail::pending_reply* p = std::exchange(pending_, nullptr)) {
    p->unanswered();
    p->release();
  }
}

}  // namespace lastcall::inline v0::http
