// Three phases: accepting (no plan_), settling (plan_ decides, `follow` does what it says), closed (no descriptor).
// Re-entrancy: take_ and closed_ are the server's; take_ may close this acceptor, so `open()` is asked after each.
#include "lastcall/net/listen/acceptor.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include "lastcall/core/duration.hpp"
#include "lastcall/net/listen/overlap.hpp"
#include "lastcall/net/listen/settle_look.hpp"

namespace lastcall::inline v0::net {

namespace {
constexpr duration pause_time = std::chrono::milliseconds(50);  // then it tries again; at once it would spin
}

acceptor::acceptor(listener socket, net::loop& loop, logger log, std::string component, taker take,
                   function<bool()> room)
    : listener_(std::move(socket)),
      loop_(loop),
      log_(std::move(log)),
      component_(std::move(component)),
      take_(std::move(take)),
      room_(std::move(room)) {
  end_.address = to_text(listener_.local());
  reserve();
}

void acceptor::reserve() noexcept {
  if (!spare_) spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool acceptor::taken() const noexcept { return detail::shared(listener_) && detail::shared(listener_)->taken(); }

void acceptor::unplug(closing_way preferred) noexcept {
  const bool first = !detail::shared(listener_) || !detail::shared(listener_)->left();  // of the sockets of one address
  way_ = listener_.begin_close(preferred);
  if (way_ == closing_way::leave && first)
    log_.info(component_, "accepts no more; another process goes on with the socket", {{"address", end_.address}});
  if (const std::error_code& why = listener_.path_left()) {
    end_.path_left = why.message();
    log_.warning(component_, "the path of a listener can't be removed, and stays; new clients are refused there",
                 {{"address", end_.address}, {"cause", end_.path_left}});
  }
}

std::error_code acceptor::begin() noexcept {
  if (const overlap* const shared = detail::shared(listener_)) {
    door_.fd.reset(::fcntl(shared->door(), F_DUPFD_CLOEXEC, 0));  // each acceptor has one, in whatever loop
    if (!door_.fd) return {errno, std::generic_category()};
    if (const auto error = loop_.watch(door_.fd.get(), door_, EPOLLIN)) return error;
  }
  return loop_.watch(listener_.fd(), *this, EPOLLIN);
}

void acceptor::door::on_ready(std::uint32_t) noexcept {
  if (!fd) return;  // closed by an event of the same batch
  const std::error_code error = detail::shared(of.listener_)->answer();
  if (!error) {
    pauses = false;
    return;
  }
  switch (classify_accept(error)) {
    case accept_error::again:
    case accept_error::aborted:
      return;
    case accept_error::exhausted:
      of.loop_.rewatch(fd.get(), *this, 0);
      of.loop_.schedule(*this, of.loop_.refresh_now() + pause_time);
      if (!std::exchange(pauses, true))
        of.log_.warning(of.component_, "a process that asks for the sockets waits; raise the descriptor limit",
                        {{"address", of.end_.address}, {"cause", error.message()}});
      return;
    case accept_error::fatal:
      of.log_.error(of.component_, "no process can take over the sockets any more; its door is lost",
                    {{"address", of.end_.address}, {"cause", error.message()}});
      of.answer_no_more();
  }
}

void acceptor::door::on_due(time_point) noexcept {
  if (fd) of.loop_.rewatch(fd.get(), *this, EPOLLIN);
}

/// Before its descriptor is closed: other processes may have the door, too, and its events would wake us for ever.
void acceptor::answer_no_more() noexcept {
  if (!door_.fd) return;
  loop_.forget(door_.fd.get());
  door_.cancel();
  door_.fd.reset();
}

/// While settling, clients are accepted also beyond `room`: they are the last, and would be reset by the close.
acceptor::outcome acceptor::accept_some(int at_most) noexcept {
  for (int i = 0; i < at_most && open(); ++i) {
    if (!plan_ && !room_()) {
      pause("too many connections");
      return outcome::exhausted;
    }
    auto next = listener_.accept_one();
    if (!next) {
      switch (classify_accept(next.error())) {
        case accept_error::again:
          return outcome::empty;
        case accept_error::aborted:
          continue;
        case accept_error::exhausted:
          // Said before the kernel looks whether there is anybody.
          if (!client_waits(listener_.fd())) return outcome::empty;
          if (plan_ && spare_) {
            spare_.reset();
            continue;
          }
          pause(next.error().message());
          return outcome::exhausted;
        case accept_error::fatal:
          return lost(next.error());
      }
    }
    take_(std::move(next->fd), next->remote);
  }
  return outcome::more;
}

/// A socket that was shut down, or an error that is not known.
acceptor::outcome acceptor::lost(const std::error_code& why) noexcept {
  if (listens(listener_.fd()) && why != std::errc::invalid_argument) {
    pause(why.message());
    return outcome::exhausted;
  }
  if (!detail::shared(listener_) || !detail::shared(listener_)->left()) {
    log_.error(component_, "the listener is lost; nobody can connect any more",
               {{"address", end_.address}, {"cause", why.message()}});
    close();
  } else if (plan_) {
    // Another process has left at the same moment, has emptied the queue, and was the first to close.
    end_.known = true;
    end_.took = plan_->took(loop_.refresh_now());
    close();
  } else {
    loop_.forget(listener_.fd());  // `settle` follows
  }
  return outcome::empty;
}

/// Clients wait in the accept queue meanwhile.
void acceptor::pause(std::string_view why) noexcept {
  if (const auto left_out = limit_.admit(loop_.refresh_now()))
    log_.warning(
        component_,
        "accepting pauses and goes on when there is room; raise the descriptor limit, or lower max_connections",
        {{"address", end_.address}, {"cause", why}, {"left_out", std::to_string(*left_out)}});
  if (std::exchange(paused_, true)) return;
  loop_.rewatch(listener_.fd(), *this, 0);
  // While settling, the plan has a timer of its own.
  if (!plan_) loop_.schedule(*this, loop_.now() + pause_time);
}

void acceptor::on_due(time_point now) noexcept {
  if (std::exchange(paused_, false)) loop_.rewatch(listener_.fd(), *this, EPOLLIN);
  if (plan_) follow(plan_->tick(now));
}

/// `plain` and `leave` close at once; the other ways need a plan.
void acceptor::settle(settle_options options, time_point drain_end, function<void()> closed) noexcept {
  if (!open()) return closed();
  answer_no_more();
  closed_ = std::move(closed);
  if (!empties_queue(way_)) return close();
  plan_.emplace(options, drain_end);
  follow(plan_->begun(way_, loop_.refresh_now()));
}

/// Does what the plan says, and tells it the result, until the plan waits or closes.
void acceptor::follow(settle_action next) noexcept {
  for (;;) {
    switch (next.what) {
      case settle_action::kind::wait:
        loop_.schedule(*this, next.until);
        return;
      case settle_action::kind::look:
        next = look(*plan_, kernel_, listener_.local());
        break;
      case settle_action::kind::accept: {
        const outcome so_far = accept_some(256);
        if (!open()) return;
        const time_point now = loop_.refresh_now();
        if (so_far == outcome::more)
          return loop_.schedule(*this, now);  // other work of the loop first; tick() continues here
        next = so_far == outcome::empty ? plan_->accept_queue_empty(now) : plan_->could_not_accept(now);
        break;
      }
      case settle_action::kind::close:
        end_.settled = next.end;
        end_.known = true;
        end_.took = plan_->took(loop_.now());
        end_.given_up = next.end == settle_end::settled ? 0 : plan_->in_flight();
        return close();
    }
  }
}

void acceptor::close() noexcept {
  if (!open()) return;
  end_.reset = listener_.refuse_waiting();
  end_.way = listener_.left() ? closing_way::leave : way_;  // only now known if nobody has unplugged it
  // Release, now that end_ is complete: `end` acquires it, on any thread.
  ended_.store(true, std::memory_order_release);
  timer_node::cancel();
  answer_no_more();
  // A socket that another process owns, too, stays open, and its events would wake us for ever.
  loop_.forget(listener_.fd());
  listener_.close();
  if (closed_) std::exchange(closed_, nullptr)();
}

}  // namespace lastcall::inline v0::net
