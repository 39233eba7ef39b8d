// How an HTTP/2 stream frames its response: the head, then a body that is complete, comes from a file, or is made in
// pieces. Bytes wait in output_ until the session asks for them with output(), which it does when the client's window
// is open. When too many wait there, take_output() returns 0, and output() wakes the writer.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <new>
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
  connection_.within_memory([&] { answered(std::move(r)); });
}

void h2_stream::take_timeout() noexcept {
  const h2_connection::output_scope scope(connection_);
  connection_.within_memory([this] { time_is_up(); });
}

void h2_stream::response_made(request_end as) noexcept {
  ledger_ = as == request_end::answered ? ledger::made : ledger::counted;
  if (as != request_end::answered) shard_.column(as).add();
}

/// 426 has no sense in HTTP/2, which has no Upgrade: the client is told to ask over HTTP/1.1.   Source: RFC 9113
/// sections 7 and 8.6.
void h2_stream::put_response(const response& r, bool /*refusal*/) {
  if (r.status() == 426) return connection_.session().reset(id_, h2_error::http_1_1_required);
  const bool may_have = may_have_body(r.status());
  const bool sends = may_have && exchange_->req.verb() != method::head && !r.body().empty();
  const bool tells = r.status() != 204 && r.status() != 304;  // the same as h1_writer
  send_head(r, sends, tells ? std::optional<std::uint64_t>(may_have ? r.body().size() : 0) : std::nullopt);
  if (!sends) return;
  // Copied: a response gives its body away by const reference only.
  output_ = r.body();
  response_ = response_part::whole;
  last_progress_ = now();
}

void h2_stream::put_head(const response& r, bool body_follows) {
  const exchange& x = *exchange_;
  const bool tells =
      r.status() != 204 && r.status() != 304 && (r.status() == 205 || x.outgoing.by == body_framing::length);
  send_head(r, body_follows,
            tells ? std::optional<std::uint64_t>(r.status() == 205 ? 0 : x.outgoing.left) : std::nullopt);
  last_progress_ = now();
}

/// Hands the head to the session. `length` is the Content-Length, if there is one.
void h2_stream::send_head(const response& r, bool body, std::optional<std::uint64_t> length) {
  std::vector<h2_field>& all = connection_.fields();
  all.clear();
  all.push_back({"date", shard_.date()});
  char digits[24];
  if (length) {
    const auto end = std::to_chars(digits, digits + sizeof digits, *length).ptr;
    all.push_back({"content-length", {digits, end}});
  }
  const std::string& id = request_access::id(exchange_->req);
  if (!id.empty() && r.header("X-Request-Id").empty()) all.push_back({"x-request-id", id});
  each_line(r.header_lines(), [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
  if (body) response_ = response_part::open;
  if (!connection_.session().respond(id_, r.status(), all, body)) throw std::bad_alloc();
}

/// The session asks for bytes of the body. nghttp2 is on the stack: this calls no handler.
h2_output h2_stream::output(std::span<char> into) noexcept {
  if (!exchange_ || !has_body()) return {h2_output::kind::failed};
  last_progress_ = now();
  if (exchange_->outgoing.file) return file_output(into);
  const std::size_t n = std::min(into.size(), waiting_output());
  if (n > 0) std::memcpy(into.data(), output_.data() + output_sent_, n);
  output_sent_ += n;
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > kept_output) output_.shrink_to_fit();
  }
  if (call_) call_->wake_output();
  if (!output_.empty()) return {h2_output::kind::more, n};
  if (broken()) {  // behind these bytes, which may be the last that the client has a window for
    connection_.session().reset(id_, h2_error::internal);
    return {n > 0 ? h2_output::kind::more : h2_output::kind::wait, n};
  }
  if (response_ == response_part::open) return {n > 0 ? h2_output::kind::more : h2_output::kind::wait, n};
  if (trailers_out_.empty()) return {h2_output::kind::end, n};
  submit_trailers();
  return {h2_output::kind::trailers, n};
}

/// At most as many bytes as the response's length has left.
h2_output h2_stream::file_output(std::span<char> into) noexcept {
  exchange& x = *exchange_;
  const std::size_t size = std::min<std::uint64_t>(into.size(), x.outgoing.left);
  ssize_t got;
  do {
    got = ::pread(x.outgoing.file->file.get(), into.data(), size, static_cast<off_t>(x.outgoing.file_at));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return break_off("the file cannot be read"), h2_output{h2_output::kind::failed};
  const auto bytes = static_cast<std::size_t>(got);
  if (bytes == 0 && x.outgoing.left > 0)
    return break_off("the file has become shorter"), h2_output{h2_output::kind::failed};
  x.outgoing.file_at += bytes;
  x.outgoing.left -= bytes;
  x.records.more_body(bytes);
  if (x.outgoing.left > 0) return {h2_output::kind::more, bytes};
  body_is_sent();
  return {h2_output::kind::end, bytes};
}

/// After the last byte of the body. nghttp2 then ends the stream with them.
void h2_stream::submit_trailers() {
  bool handed = false;
  try {
    std::vector<h2_field> all;
    each_line(trailers_out_, [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
    handed = connection_.session().trailers(id_, all);
  } catch (const std::exception&) {  // out of memory
  }
  if (!handed) connection_.session().reset(id_, h2_error::internal);
}

std::size_t h2_stream::take_output(std::string_view bytes) {
  const h2_connection::output_scope scope(connection_);
  return take_piece(bytes);
}

void h2_stream::put_piece(std::string_view bytes) {
  if (output_.empty()) last_progress_ = now();
  if (output_sent_ >= output_.size() / 2) output_.erase(0, std::exchange(output_sent_, 0));
  output_.append(bytes);
  connection_.session().resume(id_);
}

void h2_stream::end_output(bool whole, std::string_view trailers) noexcept {
  const h2_connection::output_scope scope(connection_);
  connection_.within_memory([&] { end_body(whole, trailers); });
}

void h2_stream::body_ended() noexcept {
  response_made(request_end::answered);
  response_ = response_part::whole;
  connection_.session().resume(id_);
}

/// RST_STREAM shows the client that the body is not whole. It goes behind what was written, if the client has a window
/// for that: see output().
void h2_stream::put_break() noexcept {
  ledger_ = ledger::broken;
  response_ = response_part::whole;
  end_call();
  connection_.session().has_window(id_) ? connection_.session().resume(id_)
                                        : connection_.session().reset(id_, h2_error::internal);
}

/// The frame with END_STREAM is made. The stream closes now, unless the request is incomplete.
void h2_stream::output_ended() noexcept {
  response_ = response_part::ended;
  if (request_ == request_part::over) return;
  rest_end_ = now() + connection_.linger_sending();
  last_progress_ = now();
  connection_.answered_early();
}

}  // namespace lastcall::inline v0::http::detail
