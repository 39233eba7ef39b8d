#include "lastcall/http/sse/events.hpp"

#include <random>
#include <stdexcept>
#include <string>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/handler_access.hpp"

namespace lastcall::inline v0::sse {

namespace {

constexpr std::string_view heartbeat = ":\n\n";

/// Another one for each client.
std::string retry_hint(const stream_options& o) {
  std::string hint;
  if (o.retry == duration::zero()) return hint;
  thread_local std::minstd_rand random{std::random_device()()};
  append_retry(hint,
               o.retry + duration(std::uniform_int_distribution<duration::rep>(0, o.retry_spread.count())(random)));
  return hint;
}

stream stream_of(const http::body_writer& to) noexcept {
  return http::detail::stream_access::make<stream>(http::detail::stream_access::of(to));
}
http::body_writer writer_of(http::detail::call& c) noexcept {
  return http::detail::stream_access::make<http::body_writer>(c);
}

task<> converse(const handler& h, const stream_options& o, const http::request& r, http::body_writer to) {
  const std::string hint = retry_hint(o);
  co_await to.write(hint);
  co_await h.run(r, stream_of(to));
  co_await to.write(hint);
}

void converse_blocking(const handler& h, const stream_options& o, const http::request& r, http::body_writer to) {
  const std::string hint = retry_hint(o);
  to.write_blocking(hint);
  h.run_blocking(r, stream_of(to));
  to.write_blocking(hint);
}

/// Keeps the bytes, and the call, since the stream may go meanwhile.
task<bool> write(http::body_writer to, std::string bytes) { co_return co_await to.write(bytes); }

template <class Append, class T> std::string bytes_of(const Append& append, const T& said) {
  std::string bytes;
  append(bytes, said);
  return bytes;
}

}  // namespace

task<bool> stream::send(const event& e) { return write(writer_of(*call_), bytes_of(append, e)); }
task<bool> stream::comment(std::string_view text) { return write(writer_of(*call_), bytes_of(append_comment, text)); }
task<bool> stream::wait_for(duration time) { return call_->wait_for(time); }
bool stream::send_blocking(const event& e) { return call_->write_blocking(bytes_of(append, e)); }
bool stream::comment_blocking(std::string_view text) { return call_->write_blocking(bytes_of(append_comment, text)); }
bool stream::wait_for_blocking(duration time) const { return life().wait_for(time); }
const context& stream::life() const noexcept { return call_->life(); }

const http::request& stream::request() const noexcept {
  static const http::request none;
  const auto* const x = call_->current_exchange();
  return x ? x->req : none;
}

stream_end stream::end() const noexcept {
  if (life().forced() || call_->gone()) return stream_end::gone;
  if (life().draining()) return stream_end::draining;
  return call_->stopped_waiting() ? stream_end::too_slow : stream_end::none;
}

http::handler handler_for(std::string_view, handler h, const stream_options& o) {
  const lastcall::detail::option_check allowed("sse");
  allowed.time("idle_ping_after", o.idle_ping_after);
  allowed.time("retry", o.retry);
  allowed.time("retry_spread", o.retry_spread);
  if (!h) return {};  // refused by the router
  // The route outlives its streams, and so do the handler and the options in it.
  http::handler route = [h = std::move(h), o](const http::request& r, const context&) -> task<http::response> {
    http::detail::body_source source{.beat_after = o.idle_ping_after, .beat = heartbeat};
    if (h.blocks()) {
      source.blocking = [&h, &o, &r](http::body_writer to) { converse_blocking(h, o, r, std::move(to)); };
    } else {
      source.awaiting = [&h, &o, &r](http::body_writer to) { return converse(h, o, r, std::move(to)); };
    }
    co_return http::detail::response_access::with(http::response(200)
                                                      .header("Content-Type", "text/event-stream")
                                                      .header("Cache-Control", "no-store")
                                                      .header("X-Accel-Buffering", "no"),
                                                  std::move(source));
  };
  using http::detail::handler_access;
  return handler_access::make(handler_access::release(route), {.gone_at_fin = true, .long_lived = true});
}

}  // namespace lastcall::inline v0::sse
