#include "lastcall/net/listen/settle_plan.hpp"

#include <algorithm>

namespace lastcall::inline v0::net {
namespace {

// The time between two looks is at least this part of the time that has passed. So slow handshakes need few looks, and
// the listener stays open at most a quarter longer than necessary.
constexpr int gap_share = 4;

}  // namespace

settle_plan::settle_plan(settle_options options, time_point drain_end) noexcept
    : options_(options), drain_end_(drain_end) {}

settle_action settle_plan::wait(time_point until) noexcept {
  next_ = std::min(until, cap_);
  return {.what = settle_action::kind::wait, .until = next_};
}

settle_action settle_plan::accept(settle_end why) noexcept {
  stage_ = stage::accepting;
  end_ = why;
  return {.what = settle_action::kind::accept};
}

settle_action settle_plan::close() noexcept {
  stage_ = stage::closed;
  return {.what = settle_action::kind::close, .end = end_};
}

settle_action settle_plan::begun(closing_way way, time_point now) noexcept {
  begin_ = now;
  cap_ = std::max(now, std::min(now + options_.cap, drain_end_));
  return settles(way) ? wait(now + options_.floor) : accept(settle_end::settled);
}

settle_action settle_plan::tick(time_point now) noexcept {
  if (stage_ == stage::closed) return close();
  if (stage_ == stage::looking) return {.what = settle_action::kind::look};
  if (now < next_) return wait(next_);
  switch (stage_) {
    case stage::waiting:
      stage_ = stage::looking;  // also at the cap: the last look counts what is lost
      return {.what = settle_action::kind::look};
    case stage::waiting_blindly:
      return accept(settle_end::without_evidence);
    case stage::confirming:
      return accept(settle_end::settled);
    default:
      return accept(end_);
  }
}

settle_action settle_plan::looked(std::size_t in_flight, duration cost, time_point now) noexcept {
  if (stage_ == stage::closed) return close();
  in_flight_ = in_flight;
  if (in_flight == 0) {
    // A handshake leaves the kernel's table a moment before its connection is in the accept queue.
    stage_ = stage::confirming;
    return wait(now + options_.floor);
  }
  if (now >= cap_) return accept(settle_end::capped);
  stage_ = stage::waiting;
  return wait(now + std::max({options_.floor, options_.look_rarity * cost, took(now) / gap_share}));
}

settle_action settle_plan::could_not_look(time_point now) noexcept {
  if (stage_ == stage::closed) return close();
  stage_ = stage::waiting_blindly;
  return wait(std::max(now, begin_ + options_.cap_without_evidence));
}

settle_action settle_plan::accept_queue_empty(time_point) noexcept { return close(); }

settle_action settle_plan::could_not_accept(time_point now) noexcept {
  if (stage_ == stage::closed) return close();
  if (now >= drain_end_) {
    end_ = settle_end::stuck;
    return close();
  }
  next_ = std::min(now + options_.floor,
                   drain_end_);  // may be after the cap, which is for handshakes: these clients have connected
  return {.what = settle_action::kind::wait, .until = next_};
}

}  // namespace lastcall::inline v0::net
