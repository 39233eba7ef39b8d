// How long a session may take. Three times run, and connection::enter gets the nearest of them:
//   idle timeout    from the last byte in either direction (idle_at); not once told of a drain
//   write timeout   from the last progress in sending (progress_), while the write queue is not empty
//   remote's time   from the goodbye to goodbye_by_: the handler may wait so long for the remote. It is stopped
//                   (time_point::max()) while the handler does its own work beyond it, and starts again with its next
//                   wait. When it is over, the handler's wait ends, with remote_time_over().
// Past a deadline on_timeout finds out which of them it was, since bytes may have moved it meanwhile.
#include <algorithm>

#include "lastcall/net/session/session.hpp"

namespace lastcall::inline v0::net {

void session::renew_deadline() noexcept {
  time_point by = time_point::max();
  if (!told_) by = idle_at();
  if (!unsent_.empty()) by = std::min(by, progress_ + limits_.write_time);
  if (!remote_time_over_) by = std::min(by, goodbye_by_);
  enter(connection_state::upgraded, by);
}

time_point session::idle_at() const noexcept {
  return limits_.idle_close_after > duration::zero() ? last_byte_ + limits_.idle_close_after : time_point::max();
}

void session::expect_remote_by(time_point by) noexcept {
  look_for_progress();
  goodbye_by_ = by;
  remote_time_over_ = false;
  renew_deadline();
}

void session::on_told() noexcept {
  if (told_) return;
  readable_ = true;  // what came before is still delivered; it may not have been announced yet
  read_more();
  if (state() != connection_state::upgraded) return;
  told_ = true;
  look_for_progress();
  goodbye_by_ = loop_now() + limits_.goodbye_time;
  link_->life_source_.begin_drain(goodbye_by_);
  on_goodbye();
  if (state() != connection_state::upgraded) return;
  wake_handler();
  renew_deadline();
}

/// The kernel announces room only when a third of its buffer is free, which can be a megabyte; see write_queue::look.
void session::look_for_progress() noexcept {
  const std::size_t left = unacknowledged();
  if (unsent_.look(left) && (left > 0 || !unsent_.empty())) note_progress();
}

/// The remote has taken some bytes: its time begins anew.
void session::note_progress() noexcept {
  last_byte_ = progress_ = loop_now();
  if (goodbye_by_ != time_point::max()) goodbye_by_ = std::max(goodbye_by_, progress_ + limits_.goodbye_time);
}

void session::on_timeout() noexcept {
  const time_point now = loop_now();
  look_for_progress();
  if (!unsent_.empty() && now >= progress_ + limits_.write_time) return end(connection_end::timed_out);
  if (now >= goodbye_by_ && !remote_time_over_) {
    if (outlasts_remote() && !handler_waits()) {
      goodbye_by_ = time_point::max();  // the handler works; its next wait starts the remote's time again
      return renew_deadline();
    }
    remote_time_over_ = true;
    if (!outlasts_remote()) return end(connection_end::timed_out);  // nothing but the remote is waited for
    wake_handler();
    return renew_deadline();
  }
  if (now < idle_at()) return renew_deadline();  // bytes came or went since this deadline was set
  on_idle();
}

/// The handler has worked until after the remote's time; the remote gets that time from now on.
void session::handler_begins_to_wait() noexcept {
  if (!told_ || goodbye_by_ != time_point::max() || state() != connection_state::upgraded) return;
  expect_remote_by(set().loop().refresh_now() + limits_.goodbye_time);
}

void session::on_idle() noexcept {
  if (handler_waits()) return end(connection_end::timed_out);
  last_byte_ = loop_now();  // the handler is at work, so the silence is not the remote's
  renew_deadline();
}

}  // namespace lastcall::inline v0::net
