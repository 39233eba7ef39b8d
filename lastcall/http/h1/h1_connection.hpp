// A connection that speaks HTTP/1.1: reads requests, answers them in order, and leaves when told to. Does not parse,
// route or write heads, and does not decide when an idle connection may be closed: see h1_parser, router, h1_writer,
// net::drain_rules. The class is in five files: h1_connection.cpp (reading), h1_answers.cpp, h1_output.cpp,
// h1_streaming.cpp, h1_upgrade.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/requests/request_dispatch.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/net/connection/connection.hpp"

namespace lastcall::inline v0::http::detail {

class h1_connection final : public net::connection, private batched_writer, private request_dispatch<h1_connection> {
 public:
  /// `refusing`: the server is full, so the first request gets 503.
  h1_connection(detail::shard& s, net::unique_fd socket, const net::endpoint& remote, bool refusing) noexcept;
  ~h1_connection() override;

 private:
  friend class request_dispatch<h1_connection>;

  void on_readable() noexcept override;
  void on_open() noexcept override;
  void on_overfull() noexcept override { refusing_ = true; }
  std::string_view answer_to_plain_http() const noexcept override;
  void on_writable() noexcept override;
  void on_timeout() noexcept override;
  void on_told() noexcept override;
  void on_end(net::connection_end) noexcept override;
  std::optional<time_point> works_since() const override;
  std::string work_label() const override;
  std::string work_waits_for() const override;

  void send_batched(std::string_view bytes, time_point begun, int status) noexcept override;

  void take_answer(response&&) noexcept override;
  input_result next_input() noexcept override;
  std::size_t take_output(std::string_view) override;
  void end_output(bool whole, std::string_view trailers) noexcept override;

  // One wake of the connection: on_readable() receives, go_on() answers each complete request, flush() sends the
  // answers, set_waiting_state() sets what the connection waits for next, and until when.
  void go_on() noexcept;
  bool begins_http2();
  void become_http2() noexcept;
  bool read_head();
  bool read_body();
  // For request_dispatch, which finds out who answers a complete request.
  detail::shard& shard() const noexcept { return shard_; }
  exchange& current_exchange() const noexcept { return *exchange_; }
  bool may_begin(const handler&) noexcept;
  void answered(response&&);
  framing framing_of(bool close) const;
  void append(const response&);
  void refuse(int status, std::string_view why, request_end as = request_end::rejected);
  void refuse(server_refusal r, request_end as = request_end::rejected) { refuse(r.status, r.why, as); }
  bool cuts_a_body() const noexcept;
  void reject(const response&);
  void resume() noexcept;
  void flush() noexcept;
  bool put_in_batch() noexcept;
  void all_sent() noexcept;
  void set_waiting_state() noexcept;
  void become_idle() noexcept;

  /// The state while a handler works or its response is sent. `upgraded` for a long-lived one, which is told of a drain
  /// at a moment of its own.
  net::connection_state working_state() const noexcept {
    return long_lived_ ? net::connection_state::upgraded : net::connection_state::busy;
  }
  void wait_for_room() noexcept;
  call& begin_call(const handler*);
  void end_call() noexcept;

  // Bodies that are read or sent in pieces.
  bool body_is_over();
  input_result wait_for_input() noexcept;
  void input_is_here() noexcept;
  void begin_body(response&&);
  void begin_upgrade(const response&);
  void hand_over() noexcept;
  void send_file() noexcept;
  void body_sent() noexcept;
  void break_off(std::string_view why) noexcept;
  bool sending_file() const noexcept;
  std::size_t waiting_output() const noexcept { return unsent_.size() - unsent_from_; }

  void begin_request() noexcept;
  void finish_request() noexcept;
  bool may_read() const noexcept {
    return state() != net::connection_state::closed && state() != net::connection_state::lingering && !call_ &&
           unsent_.empty() && !sending_body();
  }
  bool sending_body() const noexcept { return exchange_ && exchange_->outgoing.open; }
  bool last_response() const noexcept;
  void drop_exchange() noexcept {
    if (exchange_) shard_.give_back(*std::exchange(exchange_, nullptr));
  }

  detail::shard& shard_;
  exchange* exchange_ = nullptr;
  call* call_ = nullptr;  // while a request is not answered within the wake that read it; null for a plain handler
  std::string unsent_;    // the write queue: bytes that the kernel had no room for
  std::size_t unsent_from_ = 0;
  std::size_t unacknowledged_ = 0;       // bytes at the beginning of the wait for the client
  std::optional<std::size_t> close_at_;  // where mark_close can still change the last response in shard_.output()
  std::uint32_t unsent_answers_ = 0;     // answers that are not counted yet: the kernel does not have all their bytes
  net::connection_end farewell_as_ = net::connection_end::clean;
  bool refusing_;
  bool begun_ = false;          // the current request is counted as begun in the ledger
  bool closing_ = false;        // the last response says "close": no further request is read
  bool more_buffered_ = false;  // the buffer may hold complete requests: other connections are served first
  bool readable_ = false;       // the kernel reported input (edge-triggered) while the connection could not read
  bool in_coroutine_ = false;   // a coroutine runs inside go_on(), which continues with its answer
  bool long_lived_ = false;     // the current response goes on for as long as the client likes
  bool in_batch_ = false;       // a response waits in shard_.batched_writes()
  bool caller_continues_ =
      false;  // go_on() or take_answer() is on the stack and will read the next request: resume() must not
};

}  // namespace lastcall::inline v0::http::detail
