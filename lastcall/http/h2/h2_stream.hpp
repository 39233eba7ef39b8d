// One request of an HTTP/2 connection, from its first field to the last byte of its response. It is the host of the
// request's call, as h1_connection is. Moves no bytes to the socket and knows no frames: the connection's session does.
// Its functions are in h2_stream.cpp (request) and h2_response.cpp.
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
#include "lastcall/http/requests/exchange.hpp"
#include "lastcall/http/requests/request_dispatch.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"

namespace lastcall::inline v0::http::detail {

class h2_connection;

/// Threads: its connection's only. The connection owns it.
class h2_stream final : public net::list_hook<>, private request_dispatch<h2_stream> {
 public:
  h2_stream(h2_connection& c, std::int32_t id);
  ~h2_stream();

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

  /// Has the request answered, by its handler or in its place.
  void answer();
  /// The kernel has every byte of the response.
  void sent() noexcept;
  /// Ends without a complete response. A handler that still works is told through its context.
  void cut(request_end as) noexcept;
  /// The client sent FIN (half-close). Returns whether the stream can still be completed.
  bool input_is_over() noexcept;

  /// The connection was told of the drain. A long-lived handler learns it from its context.
  void told() noexcept;

  std::int32_t id() const noexcept { return id_; }
  /// The end of the wait for the client; max: the stream does not wait for it.
  time_point due() const noexcept;
  void overdue() noexcept;
  /// The request is complete, or its handler has begun.
  bool at_work() const noexcept { return answer_begun_; }
  /// The response goes on for as long as the client likes.
  bool long_lived() const noexcept { return long_lived_; }
  bool response_ended() const noexcept { return output_ended_; }
  /// The maker of the body failed, not the client.
  bool broken() const noexcept { return ended_as_ == request_end::broken; }
  time_point begun() const noexcept { return exchange_ ? exchange_->records.begun() : time_point{}; }
  std::string label() const;

 private:
  friend class request_dispatch<h2_stream>;

  void take_answer(response&&) noexcept override;
  input_result next_input() noexcept override;
  std::size_t take_output(std::string_view) override;
  void end_output(bool whole, std::string_view trailers) noexcept override;

  detail::shard& shard() const noexcept;
  exchange& current_exchange() const noexcept { return *exchange_; }
  static bool may_begin(const handler&) noexcept { return true; }
  call& begin_call(const handler*);
  void end_call() noexcept;
  bool refuse(int status, const char* why) noexcept;
  void answered(response&&);
  void reject(const response&);
  void begin_body(response&&);
  void send_head(const response&, bool body, std::optional<std::uint64_t> length);
  void break_off(std::string_view why) noexcept;
  void submit_trailers();
  input_result wait_for_input() noexcept;
  void input_is_here() noexcept;
  duration write_time() const noexcept;
  ssize_t read_file(std::span<char> into) noexcept;

  h2_connection& connection_;
  const std::int32_t id_;
  exchange* exchange_;
  h2_head head_;
  call* call_ = nullptr;
  int refuse_status_ = 0;  // the status to answer in the place of the handler; 0: none
  const char* refuse_why_ = "";
  std::string unread_body_;  // received bytes of a streamed request body that the handler did not read
  std::string output_;       // bytes of the response's body that the session did not take
  std::size_t output_sent_ = 0;
  std::string trailers_in_, trailers_out_;
  time_point last_progress_{};  // when the client last took bytes of this response, or of others
                                // while this one had no turn
  request_end ended_as_ = request_end::answered;
  bool counted_ = false;  // the ledger has counted it
  bool long_lived_ = false;
  bool recorded_ = false;  // the access log and the statistics have it
  bool head_complete_ = false;
  bool request_complete_ = false;  // its last byte arrived
  bool answer_begun_ = false;      // `answer` was called
  bool body_open_ = false;         // the head of the response is made, and the body is not complete
  bool output_complete_ = false;   // the rest of the body is in output_
  bool output_ended_ = false;
  bool in_coroutine_ = false;  // a coroutine of this stream is on the stack
};

}  // namespace lastcall::inline v0::http::detail
