// One request of an HTTP/2 connection, from its first field to the last byte of its response. Moves no bytes itself and
// knows no frames: the session of its connection does.
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
#include "lastcall/http/serving/exchange.hpp"
#include "lastcall/http/serving/request_dispatch.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"

namespace lastcall::inline v0::http::detail {

class h2_connection;

/// Threads: its connection's only. The connection owns it.
class h2_stream final : public net::list_hook<>, private request_dispatch<h2_stream> {
 public:
  h2_stream(h2_connection& c, std::int32_t id);
  ~h2_stream();

  // Told by the session, through the connection. Those that return a bool say whether `answer` is to be called now,
  // outside of the session's callbacks.

  void field(std::string_view name, std::string_view value);
  [[nodiscard]] bool head(bool ended);
  [[nodiscard]] bool data(std::string_view bytes);
  void trailer(std::string_view name, std::string_view value);
  [[nodiscard]] bool ended();
  h2_output output(std::span<char> into) noexcept;
  /// The end of the response stands in what will be sent.
  void output_ended() noexcept;

  /// Has its request answered: by its handler, or in its place.
  void answer();
  /// The kernel has every byte of the response.
  void sent() noexcept;
  /// It ends without that. Whoever waits for it is told.
  void cut(request_end as) noexcept;
  /// The client's half of the connection has ended: what is incomplete stays so. False: nothing of it is left to do.
  bool input_is_over() noexcept;

  /// Its connection was told of the drain: a long-lived handler is told by its context.
  void told() noexcept;

  std::int32_t id() const noexcept { return id_; }
  /// When it has waited for its client for long enough; max: it does not wait.
  time_point due() const noexcept;
  void overdue() noexcept;
  /// A complete request: not one that is still coming.
  bool at_work() const noexcept { return answer_begun_; }
  /// Its client waits for no end of it.
  bool long_lived() const noexcept { return long_lived_; }
  bool response_ended() const noexcept { return output_ended_; }
  /// By its own maker, not by its client.
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
  int refuse_status_ = 0;  // what to answer in the handler's place
  const char* refuse_why_ = "";
  std::string unread_body_;  // of a body that a handler takes as it comes: here, and not taken
  std::string output_;       // of the response's body
  std::size_t output_sent_ = 0;
  std::string trailers_in_, trailers_out_;
  time_point last_progress_{};  // of the response's body: when some of it left last, or its client took of others
  request_end ended_as_ = request_end::answered;
  bool counted_ = false;  // the ledger has it
  bool long_lived_ = false;
  bool recorded_ = false;
  bool head_complete_ = false;
  bool request_complete_ = false;  // its last byte is here
  bool answer_begun_ = false;      // `answer` was called
  bool body_open_ = false;         // of the response: its head is out, more of the body will come
  bool output_complete_ = false;   // the rest of it is in out_
  bool output_ended_ = false;
  bool in_coroutine_ = false;  // a coroutine runs that may answer at once
};

}  // namespace lastcall::inline v0::http::detail
