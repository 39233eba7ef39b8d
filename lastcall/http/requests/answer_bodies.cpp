// The part of answer_path for bodies in pieces: those that a handler takes, and those that are made behind their head.
// The call pulls input with next_input() and pushes output with take_output(). Both run on the loop's thread, often
// inside a handler's coroutine; both may end the connection, and then the call has no host any more.
#include <memory>
#include <stdexcept>

#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/status.hpp"
#include "lastcall/http/requests/answer_path.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_waiting = 64 * 1024;  // output that waits for the client; more makes the writer wait
constexpr std::size_t piece_bytes = 64 * 1024;
}  // namespace

/// The next piece is valid until the next call.
input_result answer_path::next_piece() noexcept {
  exchange& x = *exchange_;
  x.body.clear();
  if (x.incoming.status != 0)
    return {.what = input_result::kind::failed, .status = x.incoming.status, .why = x.incoming.why};
  const input_result got = pull_input();
  if (got.what != input_result::kind::wait) return got;
  x.pacing.wait(shard_.set().loop().refresh_now(), service().limits.body_time);
  wait_begins();
  return {.what = input_result::kind::wait};
}

void answer_path::input_is_here() noexcept {
  if (!exchange_ || !call_ || !exchange_->pacing.end_wait(now())) return;
  wait_ended();
  call_->wake_input();
}

/// The handler's next read fails.
void answer_path::fail_input(int status, const char* why) noexcept {
  exchange_->incoming.status = status;
  exchange_->incoming.why = why;
  input_is_here();
}

void answer_path::overdue() {
  const body_pacing::verdict v = exchange_->pacing.overdue(now());
  if (v.ended == request_end::forced) answers_after_force();
  if (call_) return fail_input(v.told.status, v.told.why);
  refuse(v.told, v.ended);
}

/// Makes the head, then starts what makes the body: a file, a coroutine, or a thread of the pool.
void answer_path::begin_body(response&& r) {
  exchange& x = *exchange_;
  const std::shared_ptr<const body_source> source = response_access::source(r);
  const bool none = x.req.verb() == method::head || !may_have_body(r.status());
  if (!make_way_for_body(r, none)) return;
  const bool on_pool = source->blocking && !none;
  call* c = call_;
  if (!none && !source->file && !c) c = &begin_call(nullptr);
  if (c) c->acquire();
  const std::shared_ptr<call> held(c, [](call* p) {
    if (p) p->release();
  });
  if (!none && !source->file) c->make_body(source);
  // Before the head is made: a full pool is said in its place.
  if (on_pool && !service().pool->submit([held] { held->run_blocking(); })) {
    end_call();
    return reject(answer_of(refusals::no_free_thread));
  }

  x.incoming.owes_continue = false;  // too late for it
  x.outgoing.by = source->length    ? body_framing::length
                  : x.info.http_1_0 ? body_framing::until_close
                                    : body_framing::chunked;
  x.outgoing.left = source->length.value_or(0);
  x.records.head_sent(r.status());
  put_head(r, !none);
  if (none) {
    x.records.body_sent(service().access_log, &x.req, client(), request_end::answered);
    end_call();
    return response_made(request_end::answered);
  }
  x.in_pieces = true;
  x.outgoing.open = true;
  if (source->file) {
    x.outgoing.file = source;
    x.outgoing.file_at = source->offset;
    end_call();
  }
  body_begins();
  if (!source->file && !on_pool && call_) shard_.coroutines().run(*held);
}

/// At most one piece, so that one long write does not hold up the loop.
std::size_t answer_path::take_piece(std::string_view bytes) {
  if (time_has_passed()) return time_is_up(), 0;
  if (waiting_output() >= most_waiting) return 0;
  exchange& x = *exchange_;
  if (x.outgoing.by == body_framing::length && bytes.size() > x.outgoing.left)
    throw std::length_error("body_writer: more bytes than the length that was promised");
  bytes = bytes.substr(0, piece_bytes);
  if (x.outgoing.by == body_framing::length) x.outgoing.left -= bytes.size();
  x.records.more_body(bytes.size());
  shard_.set().loop().refresh_now();
  put_piece(bytes);
  return bytes.size();
}

/// The maker has ended. `whole` is false after an exception.
void answer_path::end_body(bool whole, std::string_view trailers) {
  exchange& x = *exchange_;
  if (service().life.forced()) answers_after_force();  // the drain end made it stop
  if (time_has_passed()) return time_is_up();          // which made it stop
  if (!whole) return break_off("");
  if (x.outgoing.by == body_framing::length && x.outgoing.left > 0)
    return break_off("its maker wrote less than it had promised");
  const bool wanted =
      x.outgoing.by == body_framing::chunked && x.req.header("TE").find("trailers") != std::string_view::npos;
  if (wanted && !can_send(trailers)) return break_off("its trailers are too large");
  put_end(wanted ? trailers : std::string_view());
  end_call();
  body_is_sent();
}

void answer_path::body_is_sent() noexcept {
  exchange& x = *exchange_;
  x.outgoing.open = false;
  x.outgoing.file.reset();
  x.records.body_sent(service().access_log, &x.req, client(), request_end::answered);
  body_ended();
}

void answer_path::break_off(std::string_view why) noexcept {
  note_break(why, request_end::broken);
  put_break();
}

void answer_path::note_break(std::string_view why, request_end as) noexcept {
  exchange& x = *exchange_;
  if (const auto left_out = why.empty() ? std::nullopt : shard_.cut_lines.admit(now()))
    service().log.error(service().name, "a response was cut",
                        {{"target", x.req.target()}, {"cause", why}, {"left_out", std::to_string(*left_out)}});
  shard_.column(as).add();
  x.outgoing.open = false;
  x.records.body_sent(service().access_log, &x.req, client(), as);
}

}  // namespace lastcall::inline v0::http::detail
