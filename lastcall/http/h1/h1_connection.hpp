// A connection that speaks HTTP/1.1: reads requests, frames their answers in order, and leaves when told to. Who
// answers is answer_path's. Does not parse or write heads, and does not decide when an idle connection may be closed:
// see h1_parser, h1_writer, net::drain_rules. The class is in four files: h1_connection.cpp (reading), h1_answers.cpp
// (framing), h1_output.cpp (sending), h1_upgrade.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/http/h1/h1_phase.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/answer_path.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/write_queue.hpp"

namespace lastcall::inline v0::http::detail {

class h1_connection final : public net::connection, private batched_writer, private answer_path {
 public:
  /// `refusing`: the server is full, so the first request gets 503.
  h1_connection(detail::shard& s, net::unique_fd socket, const net::endpoint& remote, bool refusing) noexcept;
  ~h1_connection() override;

 private:
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
  std::string work_waits_for() const override { return waits_for(); }

  void send_batched(std::string_view bytes, const sent_response& is) noexcept override;

  // For the call of the request.
  void take_answer(response&&) noexcept override;
  void take_timeout() noexcept override;
  input_result next_input() noexcept override;
  std::size_t take_output(std::string_view) override;
  void end_output(bool whole, std::string_view trailers) noexcept override;

  // For answer_path: framing.
  const net::endpoint& client() const noexcept override { return remote(); }
  bool client_ends() const noexcept override { return remote_is_ending(); }
  bool make_way() noexcept override;
  void put_response(const response&, bool refusal) override;
  bool make_way_for_body(const response&, bool none_follows) override;
  void put_head(const response&, bool body_follows) override;
  void body_begins() override;
  std::size_t waiting_output() const noexcept override { return unsent_.size(); }
  void put_piece(std::string_view bytes) override;
  void put_end(std::string_view trailers) override;
  void put_break() noexcept override;
  void response_made(request_end as) noexcept override;
  void body_ended() noexcept override;
  input_result pull_input() noexcept override;
  void wait_begins() noexcept override;
  void wait_ended() noexcept override;
  void call_begun() noexcept override;
  void becomes_long_lived() noexcept override { become(net::connection_kind::events); }
  void answers_after_force() noexcept override { farewell_as_ = net::connection_end::forced; }

  // One wake of the connection: on_readable() receives, go_on() answers each complete request, flush() sends the
  // answers, set_waiting_state() sets what the connection waits for next, and until when.
  void go_on() noexcept;
  bool begins_http2();
  void become_http2() noexcept;
  bool read_head();
  bool read_body();
  void begin_request() noexcept;
  void finish_request() noexcept;
  void call_has_input() noexcept;
  template <class F> void answer_later(const F& f) noexcept;
  void continue_later() noexcept;
  void resume() noexcept;
  void flush() noexcept;
  bool put_in_batch() noexcept;
  void all_sent() noexcept;
  void send_file() noexcept;
  void begin_upgrade(const response&);
  void hand_over() noexcept;
  void set_waiting_state() noexcept;
  void become_idle() noexcept;
  void wait_for_room() noexcept;

  framing framing_of(bool close) const;
  bool body_is_over();
  bool last_response() const noexcept;
  bool at_work() const noexcept { return exchange_ && (phase_.open() || sending_body()); }
  bool may_read() const noexcept {
    return state() != net::connection_state::closed && state() != net::connection_state::lingering &&
           phase_.may_read() && unsent_.empty() && !sending_body();
  }
  /// The state while a handler works or its response is sent. `upgraded` for a long-lived one, which is told of a drain
  /// at a moment of its own.
  net::connection_state working_state() const noexcept {
    return long_lived_ ? net::connection_state::upgraded : net::connection_state::busy;
  }

  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  // In an order without gaps: idle connections are many.
  net::write_queue unsent_;
  std::size_t close_at_ = nowhere;    // where mark_close can still change the last response in shard_.output()
  std::uint32_t unsent_answers_ = 0;  // answers that are not counted yet: the kernel does not have all their bytes
  h1_phase phase_;
  net::connection_end farewell_as_ = net::connection_end::clean;
  bool refusing_;
  bool more_buffered_ = false;  // the buffer may hold complete requests: other connections are served first
  bool readable_ = false;       // the kernel reported input (edge-triggered) while the connection could not read
  bool in_batch_ = false;       // a response waits in shard_.batched_writes()
  // go_on() or take_answer() is on the stack and will read the next request: resume() must not
  bool caller_continues_ = false;
};

}  // namespace lastcall::inline v0::http::detail
