#include "lastcall/http/detail/h1_connection.hpp"

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>

#include "lastcall/http/detail/h1_writer.hpp"
#include "lastcall/http/detail/request_access.hpp"
#include "lastcall/http/responder.hpp"
#include "lastcall/http/trace.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr int reads_per_wake = 8;     // then the others of the loop have their turn
constexpr int answers_per_wake = 16;  // of one pipeline, likewise
constexpr std::size_t kept_unsent_bytes = 4096;
constexpr std::size_t gathered_bytes = 256 * 1024;  // of a pipeline's responses; more are made once these are sent
}  // namespace

/// Where the answer of a handler that has returned comes in. Outlives the connection if the handler does.
class h1_connection::deferred final : public pending_reply {
 public:
  explicit deferred(h1_connection& c) noexcept
      : connection_(&c),
        remote_(c.remote()),
        loop_(c.set().loop()),
        log_(c.shard_.of().log),
        name_(c.shard_.of().name) {}

  void reply(response&& r) noexcept override {
    const std::lock_guard lock(mutex_);  // while the connection is there, so is its loop
    if (!connection_ || replied_) return;
    replied_ = true;
    loop_.post([self = reference(*this), r = std::move(r)]() mutable {
      if (h1_connection* c = self->connection()) c->deliver(std::move(r));
    });
  }

  void unanswered() noexcept override {
    if (gone()) return;
    log_.write(log_level::error, name_, "a handler dropped its responder without an answer; sent 500");
    reply(text("internal server error\n", 500));
  }

  bool gone() const noexcept override { return connection() == nullptr; }

  /// A copy: the handler may ask for it when the connection has gone.
  const net::endpoint& remote() const noexcept { return remote_; }

  /// The connection has its answer (`kept` null), or it has ended and the handler may still look at the request.
  void let_go(exchange* kept) noexcept {
    {
      const std::lock_guard lock(mutex_);
      connection_ = nullptr;
      kept_.reset(kept);
    }
    release();
  }

 private:
  struct let_loose {
    void operator()(deferred* d) const noexcept { d->release(); }
  };
  /// Goes with the posted work that holds it, also when a loop that has stopped drops that unrun.
  struct reference : std::unique_ptr<deferred, let_loose> {
    explicit reference(deferred& d) noexcept : unique_ptr(&d) { d.acquire(); }
  };

  h1_connection* connection() const noexcept {
    const std::lock_guard lock(mutex_);
    return connection_;
  }

  mutable std::mutex mutex_;  // of this request alone
  h1_connection* connection_;
  const net::endpoint remote_;
  bool replied_ = false;
  std::unique_ptr<exchange> kept_;
  net::loop& loop_;
  logger log_;
  const std::string name_;  // a copy: the server may be gone when the handler gives up
};

h1_connection::h1_connection(shard& on, net::unique_fd socket, const net::endpoint& remote, bool refusing) noexcept
    : connection(on.set(), std::move(socket), remote), shard_(on), refusing_(refusing) {
  enter(connection_state::fresh, loop_now() + on.of().limits.head_time);
}

h1_connection::~h1_connection() { drop_exchange(); }

void h1_connection::on_readable() noexcept {
  readable_ = true;
  if (deferred_ || !unsent_.empty()) return;  // one request at a time; what waits stays in the kernel
  for (int i = 0; i < reads_per_wake; ++i) {
    if (!exchange_) exchange_ = &shard_.borrow();
    const std::span<char> room = exchange_->room();
    const net::io_result read = receive(room.data(), room.size());
    if (read.end != net::io_end::open) return end_by(read.end);
    if (!read.would_block) {
      exchange_->end += read.bytes;
      shard_.out().clear();
      go_on();
      if (!may_read()) return;
      if (more_) return rearm();
      if (read.bytes == room.size() || remote_is_ending()) continue;
    }
    readable_ = false;
    return settle();
  }
  settle();
  rearm();
}

void h1_connection::go_on() noexcept {
  try {
    for (int answers = 1; !closing_ && !deferred_ && read_head() && read_body(); ++answers) {
      answer();
      more_ = answers == answers_per_wake;
      if (more_) break;
      if (shard_.out().size() < gathered_bytes) continue;
      flush();
      if (!may_read()) return;
      shard_.out().clear();
    }
  } catch (const std::exception& error) {  // out of memory: nothing else throws here
    shard_.of().log.error(shard_.of().name, "a connection was cut", {{"why", error.what()}});
    return end(connection_end::forced);
  }
  flush();
}

bool h1_connection::read_head() {
  exchange& x = *exchange_;
  if (x.head != 0) return true;
  if (x.begin == x.end) return false;
  const head_result head = parse_head(x.unread(), x.scanned, shard_.of().limits, x.req, x.info);
  if (head.what == head_result::kind::need_more) {
    if (head.consumed < x.unread().size()) begin_request();
    return false;
  }
  begin_request();
  if (head.what == head_result::kind::error) return refuse(head.status, head.why), false;
  x.head = head.consumed;
  if (refusing_) return refuse(503, "too many connections"), false;
  if (!x.info.has_body) return true;
  x.reader = body_reader(x.info, shard_.of().limits.body_bytes);
  const bool body_has_begun = x.end - x.begin > x.head;
  if (const body_result said = x.reader.feed({}, x.body); said.what == body_result::kind::error)
    return refuse(said.status, said.why), false;
  if (x.info.expect_continue && !body_has_begun) shard_.out() += continue_100;
  enter(connection_state::reading, loop_now() + shard_.of().limits.body_time);
  return true;
}

bool h1_connection::read_body() {
  exchange& x = *exchange_;
  if (!x.info.has_body) return true;
  const std::size_t from = x.begin + x.head;
  const body_result body = x.reader.feed({x.buffer.get() + from, x.end - from}, x.body);
  if (body.what == body_result::kind::error) return refuse(body.status, body.why), false;
  if (body.what == body_result::kind::need_more) {
    x.end = from;  // its bytes are in x.body
    return false;
  }
  x.tail = body.consumed;
  return true;
}

void h1_connection::begin_request() noexcept {
  if (std::exchange(begun_, true)) return;
  shard_.begun.add();
  exchange_->trail.begin(loop_now());
  if (state() == connection_state::idle) note_request();
  enter(connection_state::reading, loop_now() + shard_.of().limits.head_time);
}

void h1_connection::answer() {
  exchange& x = *exchange_;
  request_access::body(x.req, x.body);
  request_access::remote(x.req, &remote());
  const service& of = shard_.of();
  if (of.request_ids) {
    const std::string_view sent = x.req.header("X-Request-Id");
    request_access::id(x.req) = acceptable_request_id(sent) ? std::string(sent) : make_request_id();
  }
  const match_result found = of.routes.match(x.req);
  if (!found.handle) {
    if (of.health && found.status == 404 && x.req.path() == "/livez") return answered(text("alive\n"));
    if (of.health && found.status == 404 && x.req.path() == "/readyz")
      return answered(of.ready() ? text("ready\n") : text("draining\n", 503));
    const response own = found.answer();
    append(own);
    x.trail.responded(of.access_log, &x.req, remote(), own.status(), own.body().size(), request_end::rejected);
    shard_.rejected.add();
    return finish_request();
  }
  try {
    if (!found.handle->answers_later()) return answered((*found.handle)(x.req, of.life));
    deferred_ = new deferred(*this);
    deferred_->acquire();  // ours; the responder has the one it was made with
    request_access::remote(x.req, &deferred_->remote());
    enter(connection_state::busy, time_point::max());  // bounded by the drain end alone
    (*found.handle)(x.req, of.life, responder(deferred_));
  } catch (const std::exception& error) {
    of.log.error(of.name, "a handler threw; sent 500", {{"target", x.req.target()}, {"what", error.what()}});
    if (!deferred_) answered(text("internal server error\n", 500));
  } catch (...) {
    of.log.error(of.name, "a handler threw something that is no std::exception; sent 500",
                 {{"target", x.req.target()}});
    if (!deferred_) answered(text("internal server error\n", 500));
  }
}

void h1_connection::answered(const response& r) {
  append(r);
  exchange_->trail.responded(shard_.of().access_log, &exchange_->req, remote(), r.status(), r.body().size(),
                             request_end::answered);
  ++unflushed_;
  finish_request();
}

void h1_connection::append(const response& r) {
  const exchange& x = *exchange_;
  closing_ = !x.info.keep_alive;
  close_at_ = write_response(shard_.out(), r,
                             {.date = shard_.date(),
                              .head = x.req.verb() == method::head,
                              .close = closing_,
                              .http_1_0 = x.info.http_1_0,
                              .request_id = request_access::id(x.req)});
}

void h1_connection::refuse(int status, std::string_view why) {
  const bool head = exchange_->head != 0 && exchange_->req.verb() == method::head;
  write_refusal(shard_.out(), {.status = status, .why = why, .retry_after_seconds = status == 503 ? 1 : 0},
                {.date = shard_.date(), .head = head});
  exchange_->trail.responded(shard_.of().access_log, exchange_->head != 0 ? &exchange_->req : nullptr, remote(), status,
                             0, request_end::rejected);
  shard_.rejected.add();
  begun_ = false;
  closing_ = true;
}

void h1_connection::finish_request() noexcept {
  exchange& x = *exchange_;
  x.begin += x.head + std::exchange(x.tail, 0);
  x.head = x.scanned = 0;
  x.body.clear();
  begun_ = false;
}

void h1_connection::deliver(response&& r) noexcept {
  set().loop().refresh_now();
  std::exchange(deferred_, nullptr)->let_go(nullptr);
  if (shard_.of().life.forced()) farewell_as_ = connection_end::forced;  // last words, not an answer in time
  shard_.out().clear();
  try {
    answered(r);
  } catch (const std::exception&) {  // out of memory
    return end(connection_end::forced);
  }
  if (!unsent_.empty()) return flush();
  resume();
}

/// Goes on with what is in the buffer, then with what is in the kernel. Responses not sent yet are in out().
void h1_connection::resume() noexcept {
  if (exchange_) go_on();
  if (!may_read()) return;
  if (more_) return rearm();
  readable_ ? on_readable() : settle();
}

void h1_connection::flush() noexcept {
  std::string& out = shard_.out();
  if (out.empty()) return;
  const bool last = draining() && !deferred_ && close_at_ && !closing_ && exchange_->unread().empty();
  if (last) {  // the last complete request that is here: the client knows that nothing it sends now would be read
    mark_close(out, *close_at_);
    closing_ = true;
  }
  close_at_.reset();
  if (!unsent_.empty()) {  // of earlier responses of the pipeline: this one goes behind them
    unsent_ += out;
    return;
  }
  const net::io_result sent = transmit(out.data(), out.size());
  if (sent.end != net::io_end::open) return end_by(sent.end);
  if (sent.bytes == out.size()) {
    shard_.trim();
    return all_sent();
  }
  unsent_ = std::move(out);  // with its front, rather than copied
  unsent_from_ = sent.bytes;
  out = std::string();
  enter(connection_state::busy, loop_now() + shard_.of().limits.write_time);
}

void h1_connection::on_writable() noexcept {
  if (std::exchange(more_, false) && may_read()) {
    set().loop().refresh_now();
    shard_.out().clear();
    return resume();
  }
  if (unsent_.empty()) return;
  const net::io_result sent = transmit(unsent_.data() + unsent_from_, unsent_.size() - unsent_from_);
  if (sent.end != net::io_end::open) return end_by(sent.end);
  if (sent.bytes == 0) return;
  unsent_from_ += sent.bytes;
  if (unsent_from_ < unsent_.size()) return enter(connection_state::busy, loop_now() + shard_.of().limits.write_time);
  unsent_.clear();
  if (unsent_.capacity() > kept_unsent_bytes) unsent_.shrink_to_fit();
  all_sent();
  if (!may_read()) return;
  shard_.out().clear();
  resume();
}

void h1_connection::all_sent() noexcept {
  (farewell_as_ == connection_end::forced ? shard_.forced : shard_.answered).add(std::exchange(unflushed_, 0));
  set().loop().refresh_now();  // handlers may have taken longer than a silence
  if (exchange_)
    exchange_->trail.sent(shard_.of().access_log, shard_.stats, loop_now(), farewell_as_ == connection_end::forced);
  note_response();
  if (closing_) farewell(farewell_as_);
}

/// Everything that is here has been looked at: waits for the rest of a request or for the next one.
void h1_connection::settle() noexcept {
  if (begun_) return;  // begin_request() has said how long
  drop_exchange();
  if (state() != connection_state::fresh)
    enter(connection_state::idle, past().last_active + shard_.of().limits.idle_time);
}

bool h1_connection::may_read() const noexcept {
  return state() != connection_state::closed && state() != connection_state::lingering && !deferred_ && unsent_.empty();
}

void h1_connection::on_timeout() noexcept {
  switch (state()) {
    case connection_state::reading:
      shard_.out().clear();
      farewell_as_ = connection_end::timed_out;
      refuse(408, exchange_->head == 0 ? "the head took too long" : "the body took too long");
      return flush();
    case connection_state::fresh:
      return farewell(connection_end::timed_out);
    default:
      if (!unsent_.empty()) end(connection_end::timed_out);  // a handler that works is bounded by the drain end alone
  }
}

void h1_connection::on_end(connection_end how) noexcept {
  if (exchange_)
    exchange_->trail.cut(shard_.of().access_log, begun_, exchange_->head != 0 ? &exchange_->req : nullptr, remote(),
                         loop_now(),
                         how == connection_end::forced ? request_end::forced : request_end::abandoned_by_client);
  const std::uint64_t open = std::exchange(unflushed_, 0) + (std::exchange(begun_, false) ? 1 : 0);
  (how == connection_end::forced ? shard_.forced : shard_.abandoned).add(open);
  if (deferred_) std::exchange(deferred_, nullptr)->let_go(std::exchange(exchange_, nullptr));
  drop_exchange();
}

void h1_connection::drop_exchange() noexcept {
  if (exchange_) shard_.give_back(*std::exchange(exchange_, nullptr));
}

}  // namespace lastcall::inline v0::http::detail
