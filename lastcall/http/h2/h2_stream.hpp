// One request of an HTTP/2 connection, from its first field to the last byte of its response. Who answers is
// answer_path's, as with h1_connection. Moves no bytes to the socket and knows no frames: the connection's session
// does. Its functions are in h2_stream.cpp (request) and h2_response.cpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/h2/h2_head.hpp"
#include "lastcall/http/h2/h2_session.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/answer_path.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"

namespace lastcall::inline v0::http::detail {

class h2_connection;

/// Threads: its connection's only. The connection owns it.
class h2_stream final : public net::list_hook<>, private answer_path {
 public:
  h2_stream(h2_connection& c, std::int32_t id);

  // Events of the session, passed on by the connection. A function that returns true asks for `answer` to be called,
  // once the session is not on the stack.

  void field(std::string_view name, std::string_view value);
  [[nodiscard]] bool head(bool ended);
  [[nodiscard]] bool data(std::string_view bytes);
  void trailer(std::string_view name, std::string_view value);
  [[nodiscard]] bool ended();
  h2_output output(std::span<char> into) noexcept;
  /// The frame that ends the response has been made.
  void output_ended() noexcept;

  /// Its head or its trailers can't be sent.
  void lost() noexcept;
  /// Has the request answered, by its handler or in its place.
  void answer();
  /// The kernel has every byte of the response.
  void sent() noexcept;
  /// Ends without a complete response. A handler that still works is told through its context.
  void cut_short(request_end as) noexcept;
  /// The client sent FIN (half-close). Returns whether the stream can still be completed.
  bool input_is_over() noexcept;

  /// The connection was told of the drain. A long-lived handler learns it from its context.
  void told() noexcept;

  std::int32_t id() const noexcept { return id_; }
  /// The end of the wait for the client; max: the stream does not wait for it.
  time_point due() const noexcept;
  /// The request is not complete, or its handler waits for more of it.
  bool waits_for_client() const noexcept;
  /// The client was too slow. What that means depends on what the stream waits for.
  void timed_out() noexcept;
  /// The request is complete, or its handler has begun.
  bool at_work() const noexcept { return response_ != response_part::none; }
  /// The response goes on for as long as the client likes.
  bool long_lived() const noexcept { return long_lived_; }
  bool response_ended() const noexcept { return response_ == response_part::ended; }
  /// The response has ended before the request. What still comes of that is thrown away; a client that has paused for a
  /// second is told by RST_STREAM(NO_ERROR) that it may stop.
  bool answered_early() const noexcept { return response_ended() && request_ != request_part::over; }
  /// The maker of the body failed, not the client.
  bool broken() const noexcept { return ledger_ == ledger::broken; }
  time_point begun() const noexcept { return exchange_ ? exchange_->records.begun() : time_point{}; }
  using answer_path::label;
  using answer_path::waits_for;

 private:
  /// What the ledger and the records have of this request.
  enum class ledger : unsigned char {
    open,     // no response yet
    made,     // a response that counts once the kernel has its last byte
    counted,  // in the place of a handler: counted when it was made
    broken,   // the maker of the body failed: counted, too
  };

  enum class request_part : unsigned char { head, body, over };  // what is awaited of it
  enum class response_part : unsigned char {
    none,
    begun,  // a handler works, or its head is made and nothing follows
    open,   // its head is made, and the body is not complete
    whole,  // the rest of the body is in output_
    ended,  // the frame that ends it is made
  };

  // For the call of the request.
  void take_answer(response&&) noexcept override;
  void take_timeout() noexcept override;
  input_result next_input() noexcept override;
  std::size_t take_output(std::string_view) override;
  void end_output(bool whole, std::string_view trailers) noexcept override;

  // For answer_path: framing.
  const net::endpoint& client() const noexcept override;
  bool client_ends() const noexcept override;
  bool can_send(std::string_view header_lines) const noexcept override { return h2_session::can_send(header_lines); }
  bool can_upgrade() const noexcept override { return false; }
  void put_response(const response&, bool refusal) override;
  void put_head(const response&, bool body_follows) override;
  void body_begins() override {}
  std::size_t waiting_output() const noexcept override { return output_.size() - output_sent_; }
  void put_piece(std::string_view bytes) override;
  void put_end(std::string_view trailers) override { trailers_out_ = trailers; }
  void put_break() noexcept override;
  void response_made(request_end as) noexcept override;
  void body_ended() noexcept override;
  input_result pull_input() noexcept override;
  void call_begun() noexcept override;
  void answers_after_force() noexcept override;

  /// Sets the answer in the place of the handler. A body that follows is discarded. Always true, for the caller to
  /// return.
  bool refuse_later(server_refusal why) noexcept {
    refused_ = why;
    return true;
  }
  bool has_body() const noexcept { return response_ == response_part::open || response_ == response_part::whole; }
  void send_head(const response&, bool body, std::optional<std::uint64_t> length);
  h2_output file_output(std::span<char> into) noexcept;
  void submit_trailers();
  duration write_time() const noexcept;

  h2_connection& connection_;
  const std::int32_t id_;
  h2_head head_;
  std::optional<server_refusal> refused_;  // what to answer in the place of the handler
  std::string unread_body_;                // received bytes of a streamed request body that the handler did not read
  std::string output_;                     // bytes of the response's body that the session did not take
  std::size_t output_sent_ = 0;
  std::string trailers_in_, trailers_out_;
  time_point last_progress_{};  // when the client last took bytes of this response, or of others
                                // while this one had no turn; after an early answer, when the client last sent some
  time_point rest_end_{};       // how long the client may send on after an early answer
  ledger ledger_ = ledger::open;
  bool after_force_ = false;  // it counts as forced, not as answered
  request_part request_ = request_part::head;
  response_part response_ = response_part::none;
};

}  // namespace lastcall::inline v0::http::detail
