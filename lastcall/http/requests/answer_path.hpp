// The way of one request to its answer, the same for HTTP/1.1 and HTTP/2: who answers it, how its body and the response
// move in pieces, how it is counted, what its client is told in the place of a handler. It frames nothing and moves no
// bytes: the protocol derives from it and does that. The class is in two files: answer_path.cpp (who answers, and how
// it ends) and answer_bodies.cpp (bodies in pieces).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/body_pacing.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/exchange.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/http/routing/handler.hpp"

namespace lastcall::inline v0::http::detail {

/// One request at a time: a connection of HTTP/1.1, or a stream of HTTP/2.   Threads: the loop's only.
/// Errors: std::bad_alloc, where a function is not noexcept.
class answer_path : public call_host {
 protected:
  explicit answer_path(detail::shard& s) noexcept : shard_(s) {}
  ~answer_path() { drop_exchange(); }
  answer_path& operator=(answer_path&&) = delete;

  // What the protocol does for it:

  virtual const net::endpoint& client() const noexcept = 0;
  /// The client has sent its FIN, or ends.
  virtual bool client_ends() const noexcept = 0;
  /// Whether this protocol can send a head or trailers of these lines.
  virtual bool can_send(std::string_view /*header_lines*/) const noexcept { return true; }
  /// Whether a connection of this protocol can become one of another, as status 426 asks for.
  virtual bool can_upgrade() const noexcept { return true; }
  /// A handler that may take long comes next. False: the connection has ended.
  virtual bool make_way() noexcept { return true; }
  /// Frames a response with its body. `refusal`: the protocol may not know where the next request begins.
  virtual void put_response(const response&, bool refusal) = 0;
  /// A response whose body follows its head comes next. False: the connection has ended, or goes on in another way.
  virtual bool make_way_for_body(const response&, bool /*none_follows*/) { return true; }
  /// `exchange.outgoing` has its framing and length.
  virtual void put_head(const response&, bool body_follows) = 0;
  /// The head is there, and its body comes: from a file, which the protocol sends, or from a maker.
  virtual void body_begins() = 0;
  virtual std::size_t waiting_output() const noexcept = 0;
  virtual void put_piece(std::string_view bytes) = 0;
  virtual void put_end(std::string_view trailers) = 0;
  /// The client must see that the response is not whole.
  virtual void put_break() noexcept = 0;
  /// The response is made, and its record written: it counts as `as`, once it is sent if that is `answered`.
  virtual void response_made(request_end as) noexcept = 0;
  /// The last byte of a body was put.
  virtual void body_ended() noexcept {}
  /// What came of the body, or `wait`. May end the connection.
  virtual input_result pull_input() noexcept = 0;
  /// The handler waits for the client, which has until `pacing.due`; and it does not any more.
  virtual void wait_begins() noexcept {}
  virtual void wait_ended() noexcept {}
  /// A call has begun, which has no time limit but the drain end.
  virtual void call_begun() noexcept = 0;
  virtual void becomes_long_lived() noexcept {}
  /// The drain end has passed: what is answered now counts as forced.
  virtual void answers_after_force() noexcept = 0;

  // What the protocol asks of it:

  /// Once the head is complete, so that refusals have a request id, too, if the server gives ids.
  void give_id();
  /// Once the request is complete, or once its head is, if the handler takes the body in pieces.
  void answer_request();
  /// An answer in the place of the handler. The request counts as rejected.
  void reject(const response& r) { conclude(r, request_end::rejected, false); }
  /// The request can't be read or served.
  void refuse(server_refusal why, request_end as = request_end::rejected) { conclude(answer_of(why), as, true); }
  /// The body, or the head, did not come in time: its handler is told, or the client.
  void overdue();
  /// The handler's answer.
  void answered(response&& r);
  /// The timeout has passed: the client is told, or sees that the response is not whole. A handler that still works
  /// keeps the request, its context is forced, and its answer will be dropped.
  void time_is_up();
  /// A handler that waits for the client gets what came: bytes, the end, an error.
  void input_is_here() noexcept;
  void fail_input(int status, const char* why) noexcept;

  // The parts of call_host that are alike. The protocol adds what guards its output.
  input_result next_piece() noexcept;
  std::size_t take_piece(std::string_view bytes);
  void end_body(bool whole, std::string_view trailers);
  /// The last byte of the response was put.
  void body_is_sent() noexcept;
  void break_off(std::string_view why) noexcept;

  void tell_drain() noexcept;
  void end_call() noexcept;
  /// The end, without a complete response: for the records, and for the handler, which gets the request if it is still
  /// at work. `open`: no response was made.
  void cut(request_end as, bool open) noexcept;
  void drop_exchange() noexcept {
    if (exchange_) shard_.give_back(*std::exchange(exchange_, nullptr));
  }

  exchange& borrow_exchange() {
    if (!exchange_) exchange_ = &shard_.borrow();
    return *exchange_;
  }
  const detail::service& service() const noexcept { return shard_.service(); }
  time_point now() const noexcept { return shard_.set().loop().now(); }
  const handler* found_handler() const noexcept { return exchange_->found.handle; }
  bool streams_body() const noexcept { return found_handler() && found_handler()->streams_body(); }
  std::uint64_t body_limit() const noexcept;
  /// A body follows its head, and is not complete.
  bool sending_body() const noexcept { return exchange_ && exchange_->outgoing.open; }
  bool sending_file() const noexcept { return sending_body() && exchange_->outgoing.file; }
  std::string label() const;
  std::string waits_for() const { return call_ ? call_->life().waits_for() : std::string(); }

  detail::shard& shard_;
  exchange* exchange_ = nullptr;
  call* call_ = nullptr;       // while a request is not answered at once; null for a plain handler
  bool in_coroutine_ = false;  // a coroutine that may answer at once is on the stack
  bool long_lived_ = false;    // the response goes on for as long as the client likes

 private:
  bool begin_timeout(const handler&);
  bool time_has_passed() const noexcept { return exchange_->ends != time_point::max() && is_past(exchange_->ends); }
  bool is_past(time_point end) const noexcept;
  /// `life`: for a plain handler.
  void run(const handler&, const context& life);
  void begin_body(response&& r);
  void conclude(const response& r, request_end as, bool refusal);
  void put_answer(const response& r, request_end as, bool refusal);
  void put_answer_as_it_is(const response& r, request_end as, bool refusal);
  void note_break(std::string_view why, request_end as) noexcept;
  void leave_request_to_call(exchange& rest, cause why);
  response as_the_program_wants(const response& r);
  call& begin_call(const handler*);
};

}  // namespace lastcall::inline v0::http::detail
