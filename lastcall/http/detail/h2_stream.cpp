#include "lastcall/http/detail/h2_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "lastcall/http/detail/ascii.hpp"
#include "lastcall/http/detail/body_source.hpp"
#include "lastcall/http/detail/h2_connection.hpp"
#include "lastcall/http/detail/request_access.hpp"
#include "lastcall/http/status.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_waiting = 64 * 1024;  // of a body that is made faster than its client takes it
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::uint64_t least_bytes_per_second = 16 * 1024;  // of a body that streams in, on top of body_time
constexpr std::size_t most_trailers = 16 * 1024;             // of a request, as body_reader has it
constexpr std::size_t kept_output = 16 * 1024;
constexpr input gone{.what = input::kind::failed, .why = "the client has gone"};

/// Calls `use(name, value)` for each of "name: value\r\n".
template <class Use> void each_line(std::string_view lines, const Use& use) {
  while (!lines.empty()) {
    const auto colon = lines.find(':'), end = lines.find('\r');
    use(lines.substr(0, colon), trimmed(lines.substr(colon + 1, end - colon - 1)));
    lines.remove_prefix(end + 2);
  }
}
}  // namespace

h2_stream::h2_stream(h2_connection& of, std::int32_t id)
    : of_(of),
      id_(id),
      exchange_(&of.on().borrow()),
      head_({exchange_->buffer.get(), exchange_->capacity}, exchange_->req, of.on().of().limits) {
  exchange& x = *exchange_;
  x.info = {};
  x.in_pieces = true;  // whatever of it streams
  x.found = {};
  x.trail.begin(of.now());
  x.read_by = of.now() + of.on().of().limits.head_time;
  of.on().begun.add();
}

h2_stream::~h2_stream() {
  if (exchange_) of_.on().give_back(*exchange_);
}

void h2_stream::field(std::string_view name, std::string_view value) { head_.add(name, value); }

/// To be answered like this; its body, if there is one, is not wanted any more. Always true.
bool h2_stream::refuse(int status, const char* why) noexcept {
  refuse_status_ = status;
  refuse_why_ = why;
  return true;
}

bool h2_stream::head(bool ended) {
  exchange& x = *exchange_;
  const service& of = of_.on().of();
  head_is_here_ = true;
  request_over_ = ended;
  const h2_verdict verdict = head_.finish(ended, x.info);
  x.head = x.end = head_.size();
  request_access::remote(x.req, &of_.remote());
  request_access::tls(x.req, of_.tls_peer_at_hand());
  if (verdict.what == h2_verdict::kind::malformed) {
    in_trail_ = true;
    x.trail.responded(of.access_log, &x.req, of_.remote(), 400, 0, request_end::rejected);
    of_.on().rejected.add();
    as_ = request_end::rejected;
    decided_ = asked_ = in_trail_ = true;
    of_.session().reset(id_, h2_error::protocol);
    return false;
  }
  if (verdict.what == h2_verdict::kind::refused) return refuse(verdict.status, verdict.why);
  give_id();
  x.found = of.routes.match(x.req);
  if (ended) return true;
  const handler* h = x.found.handle;
  if (!h) return true;  // nobody wants the body
  const std::uint64_t limit = h->wishes().max_body.value_or(of.limits.body_bytes);
  if (x.info.content_length.value_or(0) > limit) return refuse(413, "body too large");
  if (h->streams_body()) {
    x.in.owes_continue = x.info.expect_continue;
    return true;
  }
  if (x.info.expect_continue) of_.session().respond_continue(id_);
  x.read_by = of_.now() + of.limits.body_time;
  return false;
}

bool h2_stream::data(std::string_view bytes) {
  const std::size_t size = bytes.size();
  if (!exchange_ || refuse_status_ != 0 || output_ended_ || !exchange_->found.handle ||
      exchange_->in.status != 0) {  // nobody wants it
    of_.session().consume(id_, size);
    return false;
  }
  exchange& x = *exchange_;
  const handler& h = *x.found.handle;
  x.in.received += size;
  if (x.in.received > h.wishes().max_body.value_or(of_.on().of().limits.body_bytes)) {
    of_.session().consume(id_, size);
    if (!h.streams_body()) return refuse(413, "body too large");
    x.in.status = 413;
    x.in.why = "body too large";
    input_is_here();
    return false;
  }
  if (h.streams_body()) {
    pending_.append(bytes);  // no more of it than the window is large
    input_is_here();
  } else {
    x.body.append(bytes);
    of_.session().consume(id_, size);
  }
  return false;
}

void h2_stream::trailer(std::string_view name, std::string_view value) {
  if (trailers_in_.size() + name.size() + value.size() > most_trailers) return;
  trailers_in_.append(name).append(":").append(trimmed(value)).append("\n");
}

bool h2_stream::ended() {
  request_over_ = true;
  if (asked_) {
    input_is_here();
    return false;
  }
  return exchange_ && refuse_status_ == 0;
}

void h2_stream::answer() {
  if (!exchange_ || asked_) return;
  asked_ = true;
  if (refuse_status_ != 0) {
    std::string line = std::to_string(refuse_status_);
    line.append(" ").append(reason_phrase(refuse_status_)).append(": ").append(refuse_why_).append("\n");
    return reject(text(std::move(line), refuse_status_));
  }
  answer_request();
}

shard& h2_stream::on() const noexcept { return of_.on(); }

call& h2_stream::begin_call(const handler* h) {
  const bool wants_context = h && h->wants_context();
  long_lived_ = long_lived_ || (h && h->wishes().long_lived);
  call_ = &of_.on().coroutines().borrow();
  call_->begin(*this, *exchange_, h ? &h->erased() : nullptr, of_.remote(), wants_context ? &of_.on().life() : nullptr,
               long_lived_);
  if (of_.was_told()) told();
  request_access::remote(exchange_->req, &call_->remote());
  if (h && h->wishes().gone_at_fin && of_.remote_ends()) call_->client_gone();
  return *call_;
}

void h2_stream::told() noexcept {
  if (!long_lived_) return;
  progress_ = of_.now();  // from here on it has told_write_time
  if (call_) call_->told(of_.on().life().drain_end());
}

void h2_stream::end_call() noexcept {
  if (!call_) return;
  std::exchange(call_, nullptr)->let_go(nullptr, cause::none);
}

void h2_stream::take_answer(response&& r) noexcept {
  const h2_connection::turn now(of_);
  if (!within_) of_.refresh_now();
  try {
    answered(std::move(r));
  } catch (const std::exception&) {  // out of memory
    of_.give_up();
  }
}

void h2_stream::answered(response&& r) {
  if (of_.on().of().life.forced()) {  // last words, not an answer in time
    as_ = request_end::forced;
    of_.forced();
  }
  if (r.source()) return begin_body(std::move(r));
  exchange& x = *exchange_;
  const bool has_body = may_have_body(r.status());
  const bool sends = has_body && x.req.verb() != method::head && !r.body().empty();
  const bool tells = r.status() != 204 && r.status() != 304;  // as h1_writer
  send_head(r, sends, tells ? std::optional<std::uint64_t>(has_body ? r.body().size() : 0) : std::nullopt);
  in_trail_ = true;
  x.trail.responded(of_.on().of().access_log, &x.req, of_.remote(), r.status(), r.body().size(), as_);
  end_call();
  if (!sends) return;
  // Copied: a response gives its body away by const reference only.
  out_ = r.body();
  out_whole_ = true;
  progress_ = of_.now();
}

void h2_stream::reject(const response& r) {
  exchange& x = *exchange_;
  as_ = request_end::rejected;
  decided_ = true;
  const bool sends = may_have_body(r.status()) && x.req.verb() != method::head && !r.body().empty();
  send_head(r, sends, r.status() != 204 ? std::optional<std::uint64_t>(r.body().size()) : std::nullopt);
  in_trail_ = true;
  x.trail.responded(of_.on().of().access_log, x.req.method().empty() ? nullptr : &x.req, of_.remote(), r.status(),
                    r.body().size(), as_);
  of_.on().rejected.add();
  if (!sends) return;
  out_ = r.body();
  out_whole_ = true;
  progress_ = of_.now();
}

void h2_stream::send_head(const response& r, bool body, std::optional<std::uint64_t> length) {
  std::vector<h2_field>& all = of_.fields();
  all.clear();
  all.push_back({"date", of_.on().date()});
  char digits[24];
  if (length) {
    const auto end = std::to_chars(digits, digits + sizeof digits, *length).ptr;
    all.push_back({"content-length", {digits, end}});
  }
  const std::string& id = request_access::id(exchange_->req);
  if (!id.empty() && r.header("X-Request-Id").empty()) all.push_back({"x-request-id", id});
  each_line(r.header_lines(), [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
  body_open_ = body;
  if (!of_.session().respond(id_, r.status(), all, body)) throw std::bad_alloc();
}

/// The head goes out, then the body as it is made.
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
  // The pool first: when it is full there must not be a head yet.
  if (on_pool && !of_.on().of().pool->submit([held] { held->run_blocking(); })) {
    end_call();
    return reject(call::pool_is_full());
  }
  x.in.owes_continue = false;  // too late for it
  x.trail.head_sent(r.status());
  x.out.by = source->length ? body_framing::length : body_framing::chunked;
  x.out.left = source->length.value_or(0);
  const bool bodyless = r.status() == 204 || r.status() == 304;
  send_head(r, !none, bodyless ? std::nullopt : r.status() == 205 ? 0 : source->length);
  if (none) {
    in_trail_ = true;
    x.trail.body_sent(of_.on().of().access_log, x.req, of_.remote(), as_);
    return end_call();
  }
  progress_ = of_.now();
  x.out.open = true;
  if (source->file) {
    x.out.file = source;
    x.out.file_at = source->offset;
    return end_call();
  }
  if (!on_pool && call_) {
    const bool before = std::exchange(within_, true);
    of_.on().coroutines().run(*held);
    within_ = before;
  }
}

h2_output h2_stream::output(std::span<char> into) noexcept {
  if (!exchange_ || !body_open_) return {h2_output::kind::failed};
  exchange& x = *exchange_;
  progress_ = of_.now();
  if (x.out.file) {
    const std::size_t got = read_file(into);
    if (got == 0 && x.out.left > 0) return break_off("the file has become shorter"), h2_output{h2_output::kind::wait};
    x.trail.more_body(got);
    if (x.out.left > 0) return {h2_output::kind::more, got};
    x.out.open = false;
    x.out.file.reset();
    in_trail_ = true;
    x.trail.body_sent(of_.on().of().access_log, x.req, of_.remote(), as_);
    return {h2_output::kind::end, got};
  }
  const std::size_t n = std::min(into.size(), out_.size() - out_from_);
  if (n > 0) std::memcpy(into.data(), out_.data() + out_from_, n);
  out_from_ += n;
  if (out_from_ == out_.size()) {
    out_.clear();
    out_from_ = 0;
    if (out_.capacity() > kept_output) out_.shrink_to_fit();
  }
  if (call_) call_->wake_output();
  if (!out_.empty()) return {h2_output::kind::more, n};
  if (!out_whole_) return {n > 0 ? h2_output::kind::more : h2_output::kind::wait, n};
  if (trailers_out_.empty()) return {h2_output::kind::end, n};
  submit_trailers();
  return {h2_output::kind::trailers, n};
}

std::size_t h2_stream::read_file(std::span<char> into) noexcept {
  exchange& x = *exchange_;
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), x.out.left));
  ssize_t got;
  do {
    got = ::pread(x.out.file->file.get(), into.data(), size, static_cast<off_t>(x.out.file_at));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return 0;
  x.out.file_at += static_cast<std::uint64_t>(got);
  x.out.left -= static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

void h2_stream::submit_trailers() {
  try {
    std::vector<h2_field> all;
    each_line(trailers_out_, [&](std::string_view name, std::string_view value) { all.push_back({name, value}); });
    of_.session().trailers(id_, all);
  } catch (const std::exception&) {  // out of memory
    of_.session().reset(id_, h2_error::internal);
  }
}

std::size_t h2_stream::take_output(std::string_view bytes) {
  const h2_connection::turn now(of_);
  if (out_.size() - out_from_ >= most_waiting) return 0;
  exchange& x = *exchange_;
  if (x.out.by == body_framing::length && bytes.size() > x.out.left)
    throw std::length_error("body_writer: more bytes than the length that was promised");
  bytes = bytes.substr(0, piece_bytes);
  if (x.out.by == body_framing::length) x.out.left -= bytes.size();
  if (out_.empty()) progress_ = of_.refresh_now();
  if (out_from_ >= most_waiting / 2) out_.erase(0, std::exchange(out_from_, 0));
  out_.append(bytes);
  x.trail.more_body(bytes.size());
  of_.session().resume(id_);
  return bytes.size();
}

void h2_stream::end_output(bool whole, std::string_view trailers) noexcept {
  const h2_connection::turn now(of_);
  exchange& x = *exchange_;
  if (of_.on().of().life.forced()) {  // it ended because it had to
    as_ = request_end::forced;
    of_.forced();
  }
  if (!whole) return break_off("");
  if (x.out.by == body_framing::length && x.out.left > 0) return break_off("its maker wrote less than it had promised");
  try {
    if (x.out.by == body_framing::chunked && x.req.header("TE").find("trailers") != std::string_view::npos)
      trailers_out_ = trailers;
  } catch (const std::exception&) {  // out of memory
    return of_.give_up();
  }
  x.out.open = false;
  in_trail_ = true;
  x.trail.body_sent(of_.on().of().access_log, x.req, of_.remote(), as_);
  end_call();
  out_whole_ = true;
  of_.session().resume(id_);
}

/// The body can't be finished, and no client must take it for whole.
void h2_stream::break_off(std::string_view why) noexcept {
  exchange& x = *exchange_;
  if (!why.empty())
    of_.on().of().log.error(of_.on().of().name, "a response was cut", {{"target", x.req.target()}, {"why", why}});
  of_.on().broken.add();
  decided_ = true;
  x.out.open = body_open_ = false;
  in_trail_ = true;
  x.trail.body_sent(of_.on().of().access_log, x.req, of_.remote(), as_ = request_end::broken);
  end_call();
  of_.session().reset(id_, h2_error::internal);
}

void h2_stream::output_ended() noexcept {
  output_ended_ = true;
  body_open_ = false;
  // RFC 9113 section 8.1: what it still sends is not needed for this answer.
  if (!request_over_) of_.session().reset(id_, h2_error::none);
}

void h2_stream::sent() noexcept {
  if (!exchange_) return;
  detail::shard& on = of_.on();
  const bool forced = as_ == request_end::forced;
  if (!decided_) (forced ? on.forced : on.answered).add();
  decided_ = true;
  of_.session().consume_connection(pending_.size());  // what its handler did not take
  pending_.clear();
  exchange_->trail.sent(on.of().access_log, on.stats, of_.now(), forced);
  on.give_back(*std::exchange(exchange_, nullptr));
}

void h2_stream::cut(request_end as) noexcept {
  if (!exchange_) return;
  detail::shard& on = of_.on();
  exchange_->trail.cut(on.of().access_log, !in_trail_, head_is_here_ ? &exchange_->req : nullptr, of_.remote(),
                       of_.now(), as);
  if (!decided_)
    (as == request_end::forced ? on.forced : as == request_end::rejected ? on.rejected : on.abandoned).add();
  decided_ = true;
  of_.session().consume_connection(pending_.size());
  pending_.clear();
  if (call_) {
    const cause why = as == request_end::forced ? cause::forced : cause::client_gone;
    std::exchange(call_, nullptr)->let_go(std::exchange(exchange_, nullptr), why);
  } else {
    on.give_back(*std::exchange(exchange_, nullptr));
  }
}

bool h2_stream::input_is_over() noexcept {
  if (!exchange_) return false;
  if (long_lived_) return false;  // its client waits for nothing that could still come to an end
  if (call_ && exchange_->found.handle && exchange_->found.handle->wishes().gone_at_fin) call_->client_gone();
  return request_over_ || body_open_ || (asked_ && !call_);
}

input h2_stream::next_input() noexcept {
  const h2_connection::turn now(of_);
  exchange& x = *exchange_;
  x.in.waiting = false;
  x.body.clear();
  if (x.in.status != 0) return {.what = input::kind::failed, .status = x.in.status, .why = x.in.why};
  if (!pending_.empty()) {
    x.body.swap(pending_);
    of_.session().consume(id_, x.body.size());
    return {.what = input::kind::piece, .bytes = x.body};
  }
  if (request_over_) {
    if (!trailers_in_.empty()) x.trailers.swap(trailers_in_);
    return {.what = input::kind::end};
  }
  if (of_.input_is_over() || of_.ended()) return gone;
  if (std::exchange(x.in.owes_continue, false)) of_.session().respond_continue(id_);
  return wait_for_input();
}

input h2_stream::wait_for_input() noexcept {
  exchange& x = *exchange_;
  x.in.waiting = true;
  x.in.waits_since = of_.refresh_now();
  const duration may_take =
      of_.on().of().limits.body_time + std::chrono::seconds(x.in.received / least_bytes_per_second) - x.in.waited;
  x.read_by = x.in.waits_since + std::max(may_take, duration::zero());
  return {.what = input::kind::wait};
}

/// Bytes came, or the end of the body, or the time for them is over, while a call is at work.
void h2_stream::input_is_here() noexcept {
  if (!exchange_ || !call_ || !std::exchange(exchange_->in.waiting, false)) return;
  exchange_->in.waited += of_.now() - exchange_->in.waits_since;
  call_->wake_input();
}

time_point h2_stream::due() const noexcept {
  if (!exchange_ || output_ended_) return time_point::max();
  if (!asked_ && refuse_status_ == 0) return exchange_->read_by;
  if (exchange_->in.waiting) return exchange_->read_by;
  // Here until it has been handed to the session, which waits for the client's window.
  if (body_open_ && (out_whole_ || exchange_->out.file || !out_.empty())) return progress_ + write_time();
  return time_point::max();
}

duration h2_stream::write_time() const noexcept {
  return long_lived_ && of_.was_told() ? of_.on().told_write_time(progress_) : of_.on().of().limits.write_time;
}

void h2_stream::overdue() noexcept {
  exchange& x = *exchange_;
  if (asked_ && x.in.waiting) {
    x.in.status = 408;
    x.in.why = "the body took too long";
    return input_is_here();
  }
  if (asked_) {
    // Others of its connection had their turn: the client is slow, and does not stand still.
    if (const time_point moved = of_.moved(); moved > progress_ && of_.session().has_window(id_)) {
      progress_ = moved;
      return;
    }
    progress_ = of_.now();
    if (long_lived_ && of_.was_told()) of_.timed_out();
    return of_.session().reset(id_, h2_error::cancel);
  }
  if (!head_is_here_) {  // nothing can be said on a stream whose head is still coming: nothing else can come, either
    x.trail.cut(of_.on().of().access_log, true, nullptr, of_.remote(), of_.now(), request_end::rejected);
    of_.on().rejected.add();
    decided_ = asked_ = in_trail_ = true;
    return of_.session().terminate(h2_error::protocol);
  }
  refuse(408, "the body took too long");
  try {
    answer();
  } catch (const std::exception&) {  // out of memory
    of_.give_up();
  }
}

std::string h2_stream::label() const {
  if (!exchange_ || !head_is_here_) return "a request that is not complete";
  const request& r = exchange_->req;
  constexpr std::size_t shown = 120;
  const bool cut = r.target().size() > shown;
  return std::string(r.method()).append(" ").append(r.target().substr(0, shown)).append(cut ? "..." : "");
}

}  // namespace lastcall::inline v0::http::detail
