// How an HTTP/2 stream sends its response: the head, then a body that is complete, comes from a file, or is made in
// pieces. Bytes wait in output_ until the session asks for them with output(), which it does when the client's window
// is open. At most 64 KiB and a piece wait there: then take_output() returns 0, and output() wakes the writer.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lastcall/http/h2/h2_connection.hpp"
#include "lastcall/http/h2/h2_stream.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_waiting = 64 * 1024;  // output that waits for the client; more makes the writer wait
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::size_t kept_output = 16 * 1024;  // of capacity, after the output was sent

/// Calls `use(name, value)` for each of "name: value\r\n".
template <class Use> void each_line(std::string_view lines, const Use& use) {
  while (!lines.empty()) {
    const auto colon = lines.find(':'), end = lines.find('\r');
    use(lines.substr(0, colon), trimmed(lines.substr(colon + 1, end - colon - 1)));
    lines.remove_prefix(end + 2);
  }
}
}  // namespace

/// The answer from the call, on the loop's thread.
void h2_stream::take_answer(response&& r) noexcept {
  const h2_connection::output_scope scope(connection_);
  if (!in_coroutine_) connection_.refresh_now();
  try {
    answered(std::move(r));
  } catch (const std::exception&) {  // out of memory
    connection_.end_out_of_memory();
  }
}

/// The answer of a handler. Counts as answered once the kernel has all its bytes: see sent().
void h2_stream::answered(response&& r) {
  if (connection_.shard().service().life.forced()) {  // the drain end has passed: counts as forced
    ended_as_ = request_end::forced;
    connection_.forced();
  }
  if (r.source()) return begin_body(std::move(r));
  exchange& x = *exchange_;
  const bool has_body = may_have_body(r.status());
  const bool sends = has_body && x.req.verb() != method::head && !r.body().empty();
  const bool tells = r.status() != 204 && r.status() != 304;  // the same as h1_writer
  send_head(r, sends, tells ? std::optional<std::uint64_t>(has_body ? r.body().size() : 0) : std::nullopt);
  recorded_ = true;
  x.records.responded(connection_.shard().service().access_log, &x.req, connection_.remote(), r.status(),
                      r.body().size(), ended_as_);
  end_call();
  if (!sends) return;
  // Copied: a response gives its body away by const reference only.
  output_ = r.body();
  output_complete_ = true;
  last_progress_ = connection_.now();
}

/// An answer in the place of the handler. The request counts as rejected.
void h2_stream::reject(const response& r) {
  exchange& x = *exchange_;
  ended_as_ = request_end::rejected;
  counted_ = true;
  const bool sends = may_have_body(r.status()) && x.req.verb() != method::head && !r.body().empty();
  send_head(r, sends, r.status() != 204 ? std::optional<std::uint64_t>(r.body().size()) : std::nullopt);
  recorded_ = true;
  x.records.responded(connection_.shard().service().access_log, x.req.method().empty() ? nullptr : &x.req,
                      connection_.remote(), r.status(), r.body().size(), ended_as_);
  connection_.shard().rejected.add();
  if (!sends) return;
  output_ = r.body();
  output_complete_ = true;
  last_progress_ = connection_.now();
}

/// Hands the head to the session. `length` is the Content-Length, if there is one.
void h2_stream::send_head(const response& r, bool body, std::optional<std::uint64_t> length) {
  std::vector<h2_field>& all = connection_.fields();
  all.clear();
  all.push_back({"date", connection_.shard().date()});
  char digits[24];
  if (length) {
    const auto end = std::to_chars(digits, digits + sizeof digits, *length).ptr;
    all.push_back({"content-length", {digits, end}});
  }
  const std::string& id = request_access::id(exchange_->req);
  if (!id.empty() && r.header("X-Request-Id").empty()) all.push_back({"x-request-id", id});
  each_line(r.header_lines(), [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
  body_open_ = body;
  if (!connection_.session().respond(id_, r.status(), all, body)) throw std::bad_alloc();
}

/// Sends the head, then starts what makes the body: a file, a coroutine, or a thread of the pool.
void h2_stream::begin_body(response&& r) {
  exchange& x = *exchange_;
  const std::shared_ptr<const body_source> source = r.source();
  const bool none = x.req.verb() == method::head || !may_have_body(r.status());
  const bool on_pool = source->blocking && !none;
  call* c = call_;
  if (!none && !source->file && !c) c = &begin_call(nullptr);
  if (c) c->acquire();
  const std::shared_ptr<call> held(c, [](call* p) {
    if (p) p->release();
  });
  if (!none && !source->file) c->make_body(source);
  // Before the head is made: a full pool answers 503 instead.
  if (on_pool && !connection_.shard().service().pool->submit([held] { held->run_blocking(); })) {
    end_call();
    return reject(call::pool_is_full());
  }
  x.incoming.owes_continue = false;  // too late for 100 Continue
  x.records.head_sent(r.status());
  x.outgoing.by = source->length ? body_framing::length : body_framing::chunked;
  x.outgoing.left = source->length.value_or(0);
  const bool bodyless = r.status() == 204 || r.status() == 304;
  send_head(r, !none, bodyless ? std::nullopt : r.status() == 205 ? 0 : source->length);
  if (none) {
    recorded_ = true;
    x.records.body_sent(connection_.shard().service().access_log, x.req, connection_.remote(), ended_as_);
    return end_call();
  }
  last_progress_ = connection_.now();
  x.outgoing.open = true;
  if (source->file) {
    x.outgoing.file = source;
    x.outgoing.file_at = source->offset;
    return end_call();
  }
  if (!on_pool && call_) {
    const bool before = std::exchange(in_coroutine_, true);
    connection_.shard().coroutines().run(*held);
    in_coroutine_ = before;
  }
}

/// The session asks for bytes of the body. nghttp2 is on the stack: this calls no handler.
h2_output h2_stream::output(std::span<char> into) noexcept {
  if (!exchange_ || !body_open_) return {h2_output::kind::failed};
  exchange& x = *exchange_;
  last_progress_ = connection_.now();
  if (x.outgoing.file) {
    const ssize_t read = read_file(into);
    if (read < 0) return break_off("the file cannot be read"), h2_output{h2_output::kind::wait};
    const auto got = static_cast<std::size_t>(read);
    if (got == 0 && x.outgoing.left > 0)
      return break_off("the file has become shorter"), h2_output{h2_output::kind::wait};
    x.records.more_body(got);
    if (x.outgoing.left > 0) return {h2_output::kind::more, got};
    x.outgoing.open = false;
    x.outgoing.file.reset();
    recorded_ = true;
    x.records.body_sent(connection_.shard().service().access_log, x.req, connection_.remote(), ended_as_);
    return {h2_output::kind::end, got};
  }
  const std::size_t n = std::min(into.size(), output_.size() - output_sent_);
  if (n > 0) std::memcpy(into.data(), output_.data() + output_sent_, n);
  output_sent_ += n;
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > kept_output) output_.shrink_to_fit();
  }
  if (call_) call_->wake_output();
  if (!output_.empty()) return {h2_output::kind::more, n};
  if (!output_complete_) return {n > 0 ? h2_output::kind::more : h2_output::kind::wait, n};
  if (trailers_out_.empty()) return {h2_output::kind::end, n};
  submit_trailers();
  return {h2_output::kind::trailers, n};
}

/// At most as many bytes as the response's length has left.
ssize_t h2_stream::read_file(std::span<char> into) noexcept {
  exchange& x = *exchange_;
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), x.outgoing.left));
  ssize_t got;
  do {
    got = ::pread(x.outgoing.file->file.get(), into.data(), size, static_cast<off_t>(x.outgoing.file_at));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return got;
  x.outgoing.file_at += static_cast<std::uint64_t>(got);
  x.outgoing.left -= static_cast<std::uint64_t>(got);
  return got;
}

/// After the last byte of the body. nghttp2 then ends the stream with them.
void h2_stream::submit_trailers() {
  try {
    std::vector<h2_field> all;
    each_line(trailers_out_, [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
    connection_.session().trailers(id_, all);
  } catch (const std::exception&) {  // out of memory
    connection_.session().reset(id_, h2_error::internal);
  }
}

/// Takes at most one piece, so that one long write does not hold up the loop.
std::size_t h2_stream::take_output(std::string_view bytes) {
  const h2_connection::output_scope scope(connection_);
  if (output_.size() - output_sent_ >= most_waiting) return 0;
  exchange& x = *exchange_;
  if (x.outgoing.by == body_framing::length && bytes.size() > x.outgoing.left)
    throw std::length_error("body_writer: more bytes than the length that was promised");
  bytes = bytes.substr(0, piece_bytes);
  if (x.outgoing.by == body_framing::length) x.outgoing.left -= bytes.size();
  if (output_.empty()) last_progress_ = connection_.refresh_now();
  if (output_sent_ >= most_waiting / 2) output_.erase(0, std::exchange(output_sent_, 0));
  output_.append(bytes);
  x.records.more_body(bytes.size());
  connection_.session().resume(id_);
  return bytes.size();
}

/// The maker has ended. `whole` is false after an exception.
void h2_stream::end_output(bool whole, std::string_view trailers) noexcept {
  const h2_connection::output_scope scope(connection_);
  exchange& x = *exchange_;
  if (connection_.shard().service().life.forced()) {  // the drain end made it stop: counts as forced
    ended_as_ = request_end::forced;
    connection_.forced();
  }
  if (!whole) return break_off("");
  if (x.outgoing.by == body_framing::length && x.outgoing.left > 0)
    return break_off("its maker wrote less than it had promised");
  try {
    if (x.outgoing.by == body_framing::chunked && x.req.header("TE").find("trailers") != std::string_view::npos)
      trailers_out_ = trailers;
  } catch (const std::exception&) {  // out of memory
    return connection_.end_out_of_memory();
  }
  x.outgoing.open = false;
  recorded_ = true;
  x.records.body_sent(connection_.shard().service().access_log, x.req, connection_.remote(), ended_as_);
  end_call();
  output_complete_ = true;
  connection_.session().resume(id_);
}

/// Ends a body that is not complete. RST_STREAM shows the client that it is not.
void h2_stream::break_off(std::string_view why) noexcept {
  exchange& x = *exchange_;
  if (!why.empty())
    connection_.shard().service().log.error(connection_.shard().service().name, "a response was cut",
                                            {{"target", x.req.target()}, {"why", why}});
  connection_.shard().broken.add();
  counted_ = true;
  x.outgoing.open = body_open_ = false;
  recorded_ = true;
  x.records.body_sent(connection_.shard().service().access_log, x.req, connection_.remote(),
                      ended_as_ = request_end::broken);
  end_call();
  connection_.session().reset(id_, h2_error::internal);
}

/// The frame with END_STREAM is made. The stream closes now, unless the request is incomplete.
void h2_stream::output_ended() noexcept {
  output_ended_ = true;
  body_open_ = false;
  // RFC 9113 section 8.1: the answer is complete, so the rest of the request is not needed.
  if (!request_complete_) connection_.session().reset(id_, h2_error::none);
}

}  // namespace lastcall::inline v0::http::detail
