// How one WebSocket connection reads, writes and ends. ws_protocol decides what bytes mean; net::session owns the
// socket and the write queue; this class connects both to the handler. All functions run on the loop's thread.
//
// States: open (upgraded, no Close sent); closing (Close sent: messages are ignored, and one time limit runs); then
// net::session sends FIN and lingers.
//
// Threads: a handler on another thread reaches the session only through the link, which runs its steps on the loop.
//
// Re-entrancy: send() and end() may end the connection. Each function checks state() == upgraded after them.
#include "lastcall/http/ws/ws_session.hpp"

#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/requests/shard.hpp"

namespace lastcall::inline v0::ws::detail {

using net::connection_end;
using net::connection_state;

namespace {

/// A frame of at most this size is copied behind its head first, so that both leave in one packet.
constexpr std::size_t small_frame = 4096;
/// Free places at the front of the queue, before it is moved together.
constexpr std::size_t kept_places = 16;

const http::request no_request;

}  // namespace

route::route(ws::handler h, ws::stream_options o, std::string_view at)
    : handle(std::move(h)),
      settings(std::move(o)),
      pattern(at),
      limits{.input_bytes = 64 * 1024,
             .output_bytes = settings.output_bytes,
             .idle_close_after = duration::zero(),  // see session::idle_at
             .write_time = settings.write_time,
             .goodbye_time = settings.goodbye_time} {}

/// The size includes the message object, so that many small messages are bounded, too.
void conversation::put(message&& m) {
  bytes += m.data.size() + sizeof m;
  ready.push_back(std::move(m));
}

std::optional<message> conversation::take() noexcept {
  if (next == ready.size()) return std::nullopt;
  std::optional<message> taken(std::move(ready[next++]));
  bytes -= taken->data.size() + sizeof *taken;
  if (next == ready.size()) {
    next = 0;
    ready.clear();
    if (ready.capacity() > kept_places) ready.shrink_to_fit();
  } else if (next >= kept_places && next >= ready.size() / 2) {  // the queue may never become empty
    ready.erase(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(std::exchange(next, 0)));
  }
  return taken;
}

std::unique_ptr<net::connection> websocket_upgrade::make_replacement(net::connection& before, std::string behind,
                                                                     http::detail::shard& shard) {
  auto shared = std::make_shared<conversation>();
  shared->subprotocol = std::move(subprotocol_);
  return std::make_unique<session>(before, std::move(behind), std::move(route_), std::move(shared), std::move(request_),
                                   shard);
}

session::session(net::connection& before, std::string behind, std::shared_ptr<const route> r,
                 std::shared_ptr<conversation> shared, std::unique_ptr<kept_request> request,
                 http::detail::shard& shard)
    : net::session(before, net::connection_kind::websocket, r->limits, std::move(behind)),
      route_(std::move(r)),
      conversation_(std::move(shared)),
      request_(std::move(request)),
      shard_(shard),
      counts_(shard.websockets),
      protocol_(route_->settings.max_message_bytes),
      quiet_since_(loop_now()),
      busy_since_(quiet_since_) {
  conversation_->link = link();
  if (request_) http::detail::request_access::remote(request_->req, &link()->remote());
  counts_.opened.add();
  renew_deadline();
  link()->post([](net::session& s) { static_cast<session&>(s).begin(); });
}

/// Starts the handler: as a coroutine, or on a thread of the pool. If that fails the remote gets 1011, or 1013 when the
/// pool is full.
void session::begin() noexcept {
  const http::detail::service& service = shard_.service();
  try {
    if (!route_->handle.blocks()) {
      // The coroutine owns all that it uses: it may return after the connection has ended.
      run([](std::shared_ptr<const route> r, std::shared_ptr<conversation> c,
             std::unique_ptr<kept_request> kept) -> task<> {
        co_await r->handle.run(kept ? kept->req : no_request, stream(std::move(c)));
      }(route_, conversation_, std::move(request_)));
      return read_frames();
    }
    const std::shared_ptr<kept_request> kept = std::move(request_);
    if (run_on(*service.pool, [r = route_, c = conversation_, kept] {
          const activity now("WebSocket", r->pattern);
          r->handle.run_blocking(kept ? kept->req : no_request, stream(c));
        }))
      return read_frames();
    service.log.warning(service.name, "a WebSocket was refused: all threads are busy", {{"route", route_->pattern}});
    return begin_close(1013, "all threads are busy");
  } catch (const std::exception& error) {
    service.log.error(service.name, "a WebSocket was refused", {{"route", route_->pattern}, {"cause", error.what()}});
  }
  begin_close(close_code::internal_error, {});
}

/// Whether reading stops (back-pressure): too many bytes wait for the handler, or for the remote.
bool session::full() const noexcept {
  if (protocol_.close_sent()) return false;  // after Close, received bytes are dropped at once
  return (!ignoring_ && conversation_->bytes >= route_->settings.input_bytes) || !room();
}

/// Any bytes prove that the remote is alive.
void session::on_input() noexcept {
  pinged_ = false;
  quiet_since_ = loop_now();
  read_frames();
}

/// There is room: reading may go on.
void session::on_sent() noexcept {
  read_frames();
  read_more();
}

void session::on_message_taken() noexcept {
  busy_since_ = loop_now();
  if (state() == connection_state::upgraded) on_sent();
}

/// Reads frames while there is room for messages. While draining, it stops at the byte that had been received when the
/// drain was told.
void session::read_frames() noexcept {
  std::string out;
  bool news = false;
  try {
    while (state() == connection_state::upgraded && !protocol_.over() && !full()) {
      std::string_view in = input();
      if (left_to_deliver_ && in.size() >= *left_to_deliver_) in = in.substr(0, *left_to_deliver_);
      const std::size_t size = in.size();
      const event now = protocol_.next(in, out);
      const std::size_t used = size - in.size();
      consume(used);
      if (left_to_deliver_) *left_to_deliver_ -= used;
      if (now ==
          event::close) {  // before send(): that may end the connection, and then the handler's thread reads these
        conversation_->remote_reason = protocol_.close_reason();
        conversation_->remote_code = protocol_.close_code();
      }
      if (!out.empty()) {
        send(out);
        out.clear();
      }
      if (now == event::message) {
        counts_.received.add();
        conversation_->put(protocol_.take_message());
        news = true;
      } else if (now == event::ignored) {
        counts_.after_close.add();
      } else if (now == event::close || now == event::failed) {
        if (now == event::failed) {
          counts_.broken.add();
          expect_more();  // it may be amid a frame that is not read to its end
        }
        // Both sides sent Close, or the remote broke the protocol: RFC 6455 section 7.1.1.
        wake_handler();
        if (state() == connection_state::upgraded) leave_when_sent();
      } else if (now == event::more && left_to_deliver_ && size == *left_to_deliver_ + used) {
        ignore_messages();  // all bytes from before the drain are used; an incomplete message is not delivered
      } else if (now == event::more && used == 0) {
        break;
      }
    }
  } catch (const std::exception&) {  // out of memory
    return end(connection_end::forced);
  }
  if (news || input_over()) wake_handler();
  // The remote sent FIN without a Close. It may have received this side's Close.
  if (input_over() && protocol_.close_sent() && !protocol_.over() && state() == connection_state::upgraded)
    leave_when_sent(connection_end::by_remote);
}

/// From now on messages are counted and dropped. Reads of the handler end.
void session::ignore_messages() noexcept {
  left_to_deliver_.reset();
  ignoring_ = true;
  protocol_.ignore_messages();
  wake_handler();
}

/// The drain told this connection. What has been received until now is delivered: the bytes in the buffer and in the
/// kernel.
void session::on_goodbye() noexcept {
  if (protocol_.close_sent()) return;
  left_to_deliver_ = input().size() + (caught_up() ? 0 : unread_bytes());
  read_frames();
}

/// Pings need no timer of their own: the connection's idle limit is the next ping, or the end of the wait for its
/// answer.
time_point session::idle_at() const noexcept {
  const ws::stream_options& o = route_->settings;
  if (o.idle_ping_after <= duration::zero() || protocol_.close_sent()) return time_point::max();
  return quiet_since_ + (pinged_ ? o.pong_time : o.idle_ping_after);
}

/// Either sends a ping, or ends the connection of a remote that did not answer one.
void session::on_idle() noexcept {
  const time_point now = loop_now();
  const bool blocked = full();  // the remote's bytes wait in the kernel, so silence proves nothing
  if (pinged_ && !blocked) {
    counts_.dead.add();
    return end(connection_end::timed_out);
  }
  quiet_since_ = now;
  pinged_ = !blocked;
  if (pinged_) {
    char ping[most_head_bytes];
    send({ping, write_frame_head(ping, opcode::ping, 0)});
  }
  if (state() == connection_state::upgraded) renew_deadline();
}

/// The order matters: the first reason that holds is the one that the handler sees.
bool session::reading_over(stream_end& end) noexcept {
  if (left_to_deliver_ && caught_up() && !full())
    ignore_messages();  // the count was an upper bound: with TLS it includes whole records
  if (protocol_.close_received()) {
    end = stream_end::remote;
  } else if (protocol_.failed() || protocol_.close_sent()) {
    end = stream_end::gone;
  } else if (remote_time_over()) {
    end = stream_end::timed_out;
  } else if (ignoring_) {
    end = stream_end::draining;
  } else if (input_over() && !full()) {
    end = stream_end::remote;
  } else {
    return false;
  }
  return true;
}

/// A message or ping of the handler. `not_yet`: the write queue is full; the link tries again when it has room.
written session::put(opcode code, std::string_view payload) noexcept {
  if (state() != connection_state::upgraded || protocol_.close_sent() || remote_time_over()) return written::never;
  if (!room()) return written::not_yet;
  set().loop().refresh_now();
  char frame[small_frame + most_head_bytes];
  const std::size_t head = write_frame_head(frame, code, payload.size());
  if (payload.size() <= small_frame) {
    payload.copy(frame + head, payload.size());
    send({frame, head + payload.size()});
  } else {
    send({frame, head});
    if (state() == connection_state::upgraded) send(payload);
  }
  if (state() != connection_state::upgraded) return written::never;
  if (!is_control(code)) counts_.sent.add();
  return written::yes;
}

/// A broadcast never waits: a remote that is too slow is skipped or closed.
bool session::push(std::string_view frame, std::size_t most, slow_member then) noexcept {
  if (state() != connection_state::upgraded || protocol_.close_sent() || remote_time_over()) return true;
  set().loop().refresh_now();
  if (unsent_bytes() > 0 && unsent_bytes() + frame.size() > most) {
    if (then == slow_member::skip) return counts_.skipped.add(), true;
    counts_.too_slow.add();
    begin_close(close_code::policy, "reads too slowly");
    return false;
  }
  send(frame);
  counts_.sent.add();
  return true;
}

/// The only place that sends Close for the handler, the drain and a slow reader. After it the remote has goodbye_time.
void session::begin_close(std::uint16_t code, std::string_view reason) noexcept {
  if (state() != connection_state::upgraded || protocol_.close_sent()) return;
  set().loop().refresh_now();
  busy_since_ = loop_now();
  std::string out;
  if (!within_memory([&] { protocol_.close(out, code, reason); })) return;
  ignore_messages();
  send(out);
  if (state() != connection_state::upgraded) return;
  if (input_over()) return leave_when_sent(connection_end::by_remote);
  expect_remote_by(loop_now() + limits().goodbye_time);
  read_frames();
  if (state() == connection_state::upgraded) read_more();
}

/// The handler returned or threw. Its end is the end of the WebSocket.
void session::on_handler_over(std::exception_ptr error) noexcept {
  const http::detail::service& service = shard_.service();
  if (error)
    service.log.error(service.name, "the handler of a WebSocket threw; sent 1011",
                      {{"route", route_->pattern}, {"what", lastcall::to_text(error)}});
  if (state() != connection_state::upgraded || protocol_.over()) return;  // the connection is ending
  if (protocol_.close_sent()) {
    if (!remote_time_over()) return;  // the time limit for the remote is running
    return end(connection_end::timed_out);
  }
  begin_close(error ? close_code::internal_error : told() ? route_->settings.drain_code : close_code::normal, {});
}

/// Counts a remote that did not answer Close in time.
void session::on_end(connection_end how) noexcept {
  if (protocol_.close_sent() && !protocol_.over() && how == connection_end::timed_out) counts_.never_answered.add();
  if (how == connection_end::forced && !protocol_.close_sent() && unsent_bytes() == 0) {
    // The handler did not return by the drain end. The remote gets Close, if the kernel has room for it.
    try {
      std::string last_words;
      protocol_.close(last_words, route_->settings.drain_code, {});
      transmit(last_words.data(), last_words.size());
    } catch (const std::exception&) {  // out of memory
    }
  }
  net::session::on_end(how);
}

/// Not at work while the handler only waits for the remote.
std::optional<time_point> session::works_since() const {
  if (!protocol_.close_sent() && handler_waits()) return std::nullopt;
  return busy_since_;
}

std::string session::work_label() const {
  return "WebSocket " + route_->pattern + (protocol_.close_sent() ? ", closing" : "");
}

}  // namespace lastcall::inline v0::ws::detail
