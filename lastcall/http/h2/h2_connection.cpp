// What an HTTP/2 connection does when it wakes, and how it ends. Output is in h2_output.cpp, the session's events are
// in h2_session_events.cpp. All functions run on the loop's thread.
//
// States of net::connection: reading (a request or SETTINGS is on its way), busy (a handler works or output waits),
// idle (no stream), upgraded (no stream, while draining: the farewell decides when it ends).
//
// Re-entrancy (its one rule: docs/design/answers.md): a handler may run inside feed(), and may end a stream or this
// connection. No handler runs while nghttp2 is on the stack: the events only note complete requests in to_answer_. A
// stream that ends goes to retired_. It is deleted at the next wake, when no function of it can be on the stack.
#include "lastcall/http/h2/h2_connection.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr int reads_per_wake = 8;  // then the loop serves its other connections
constexpr std::size_t read_bytes = 32 * 1024;

h2_settings settings_of(const service& s) {
  return {.max_streams = static_cast<std::uint32_t>(s.limits.max_streams),
          .head_bytes = static_cast<std::uint32_t>(s.limits.head_bytes)};
}
}  // namespace

h2_connection::h2_connection(detail::shard& s, net::connection& before, std::string received) noexcept
    : connection(before, net::connection_kind::http2),
      shard_(s),
      session_(*this, settings_of(s.service())),
      received_before_(std::move(received)),
      settings_by_(loop_now() + s.service().limits.head_time) {
  enter(connection_state::reading, settings_by_);
}

std::unique_ptr<net::connection> http2_connection(shard& s, net::connection& before, std::string received) {
  return std::make_unique<h2_connection>(s, before, std::move(received));
}

h2_connection::~h2_connection() {
  cut_all(request_end::forced);
  delete_retired();
}

/// Edge-triggered: reads until the kernel has nothing, or keeps readable_ set.
void h2_connection::on_readable() noexcept {
  readable_ = true;
  if (open_scopes_ > 0) return;  // a wake of this connection is on the stack
  delete_retired();
  const output_scope scope(*this);
  feed_received_before();
  read_some();
}

void h2_connection::on_writable() noexcept {
  if (open_scopes_ > 0) return;
  delete_retired();
  const output_scope scope(*this);
  feed_received_before();
  more_to_send_ = false;
  if (!unsent_.empty() && !write_unsent()) return;
  if (readable_) read_some();
}

/// The bytes of the connection before this one. Not in the constructor: replace() has not finished there.
void h2_connection::feed_received_before() noexcept {
  if (received_before_.empty()) return;
  const std::string bytes = std::move(received_before_);
  received_before_.clear();
  feed(bytes);
}

void h2_connection::read_some() noexcept {
  char bytes[read_bytes];
  for (int i = 0; i < reads_per_wake; ++i) {
    if (!may_read()) return;
    const net::io_result read = receive(bytes, sizeof bytes);
    if (read.end != net::io_end::open) return input_ended(read.end);
    if (read.would_block) {
      readable_ = false;
      return;
    }
    feed({bytes, read.bytes});
    if (leaving()) return;
    if (read.bytes < sizeof bytes && !remote_is_ending()) {
      readable_ = false;
      return;
    }
    flush();  // before more is read: what a client sends must not pile up output
  }
  if (may_read()) rearm();
}

/// Gives bytes to the session, then answers the requests that became complete.
void h2_connection::feed(std::string_view bytes) noexcept {
  if (!session_.ok()) return end(connection_end::forced);
  session_.receive(bytes);
  try {
    for (std::size_t i = 0; i < to_answer_.size() && !ended(); ++i) {
      if (to_answer_[i]) to_answer_[i]->answer();
    }
  } catch (const std::exception& error) {  // std::bad_alloc: nothing else is thrown here
    shard_.service().log.error(shard_.service().name, "a connection was cut", {{"cause", error.what()}});
    end(connection_end::forced);
  }
  to_answer_.clear();
  if (std::exchange(ping_acknowledged_, false)) perform(farewell_.acknowledged());
}

/// A FIN is not a departure: complete requests are answered. A request that is incomplete stays so, and its stream is
/// reset.
void h2_connection::input_ended(net::io_end how) noexcept {
  if (how != net::io_end::orderly) return end_by(how);
  readable_ = false;
  input_over_ = true;
  for (auto it = open_.begin(); it != open_.end();) {
    h2_stream& s = *it++;
    if (s.answered_early()) {
      session_.reset(s.id(), h2_error::none);
      continue;
    }
    if (s.response_ended() || s.input_is_over()) continue;
    s.cut_short(request_end::abandoned_by_client);
    session_.reset(s.id(), h2_error::cancel);
  }
}

void h2_connection::on_drain() noexcept {
  if (open_scopes_ == 0 && !closing_) set_waiting_state();
}

/// The jitter moment of this connection has come. Long-lived streams are told through their calls, and end in their own
/// way.
void h2_connection::on_told() noexcept {
  delete_retired();
  const output_scope scope(*this);

  perform(farewell_.tell(loop_now(), shard_.life().drain_end()));
  for (h2_stream& s : open_) s.told();
  if (!unsent_.empty()) wait_for_room();
}

/// Idle for idle_close_after: GOAWAY, then FIN.
void h2_connection::on_idle_over() noexcept {
  delete_retired();
  const output_scope scope(*this);
  session_.terminate(h2_error::none);
}

void h2_connection::perform(h2_action what) noexcept {
  if (what == h2_action::notice) session_.notice();
  if (what == h2_action::last) session_.last();
}

/// Runs at the end of the outermost output scope: sends, then closes or sets what the connection waits for. May end the
/// connection.
void h2_connection::on_last_scope_end() noexcept {
  if (leaving()) return;
  flush();
  if (leaving()) return;
  if (farewell_.open(open_count_) == h2_action::close) closing_ = true;
  if (!session_.ok() || session_.over()) {
    cut(open_,
        request_end::abandoned_by_client);  // the client broke the protocol; responses in unflushed_ are still sent
    closing_ = true;
  }
  if (unsent_.empty() && !more_to_send_) {
    if (closing_) return farewell(farewell_as_);
    if (input_over_ && open_count_ == 0) return end_by(net::io_end::orderly);
  }
  set_waiting_state();
}

/// All input that is here has been used. The connection wakes at the earliest of all limits: the farewell's, the write
/// queue's, SETTINGS', each stream's.
void h2_connection::set_waiting_state() noexcept {
  time_point by = std::min(farewell_.due(), tell_at());
  bool works = !unsent_.empty() || closing_;
  if (!unsent_.empty()) by = std::min(by, write_by_);
  if (!settings_received_) by = std::min(by, settings_by_);
  for (const h2_stream& s : open_) {
    by = std::min(by, s.due());
    if (s.waits_for_client()) by = std::min(by, drain_cuts_requests_at());
    works = works || (s.at_work() && !s.answered_early());
  }
  if (works) return enter(connection_state::busy, by);
  if (open_count_ > 0 || !settings_received_) return enter(connection_state::reading, by);
  if (draining())
    return enter(connection_state::upgraded,
                 by);  // so that the farewell ends it, and not the rules for idle connections
  enter(connection_state::idle, std::min(by, past().last_active + shard_.service().limits.idle_close_after));
}

/// The drain bounds what waits for the client, also beside streams at work.
time_point h2_connection::drain_cuts_requests_at() const noexcept {
  return draining() ? set().close_at(connection_state::reading, past()) : time_point::max();
}

void h2_connection::on_timeout() noexcept {
  delete_retired();
  const output_scope scope(*this);
  const time_point now = loop_now();
  const bool drain_cuts = drain_cuts_requests_at() <= now;
  if (tell_at() <= now) tell();
  perform(farewell_.passed(now));
  if (!unsent_.empty() && write_by_ <= now && !client_reads()) return end(connection_end::timed_out);
  bool some = false;
  for (auto it = open_.begin(); it != open_.end() && !ended();) {
    h2_stream& s = *it++;
    if (s.due() > now && !(drain_cuts && s.waits_for_client())) continue;
    some = true;
    s.timed_out();
  }
  if (!settings_received_ && (settings_by_ <= now || (drain_cuts && !some))) {
    farewell_as_ = connection_end::timed_out;
    session_.terminate(h2_error::settings_timeout);
  }
}

void h2_connection::on_end(connection_end how) noexcept {
  cut_all(how == connection_end::forced ? request_end::forced : request_end::abandoned_by_client);
}

void h2_connection::cut_all(request_end as) noexcept {
  cut(open_, as);
  cut(unflushed_, as);
}

/// Ends every stream of a list without a response.
void h2_connection::cut(streams& all, request_end as) noexcept {
  while (h2_stream* s = all.pop_front()) {
    s->cut_short(as);
    retired_.push_back(*s);
  }
  to_answer_.clear();
  open_count_ = 0;
}

/// The stream may be on the stack, so it is not deleted here.
void h2_connection::retire(h2_stream& s) noexcept {
  std::replace(to_answer_.begin(), to_answer_.end(), &s, static_cast<h2_stream*>(nullptr));
  streams::erase(s);
  retired_.push_back(s);
}

/// Only outside of every scope: then no function of a stream is on the stack.
void h2_connection::delete_retired() noexcept {
  if (open_scopes_ > 0) return;
  while (h2_stream* s = retired_.pop_front()) delete s;
}

std::optional<time_point> h2_connection::works_since() const {
  for (h2_stream& s : open_)
    if (!s.answered_early()) return s.begun();
  if (!unsent_.empty()) return past().last_active;
  return std::nullopt;
}

std::string h2_connection::work_label() const {
  for (h2_stream& s : open_) {
    if (s.answered_early()) continue;
    std::string label = s.label();
    if (open_count_ > 1)
      label.append(" (and ").append(std::to_string(open_count_ - 1)).append(" more on its connection)");
    return label;
  }
  return "a response on its way";
}

std::string h2_connection::work_waits_for() const {
  for (h2_stream& s : open_)
    if (!s.answered_early()) return s.waits_for();
  return {};
}

}  // namespace lastcall::inline v0::http::detail
