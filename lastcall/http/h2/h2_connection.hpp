// A connection that speaks HTTP/2: many requests at once. h2_session does the framing, each h2_stream is one request,
// and h2_farewell decides when the connection says goodbye. This class moves the bytes and keeps the time. Its
// functions are in h2_connection.cpp (waking and ending), h2_output.cpp and h2_session_events.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/h2/h2_farewell.hpp"
#include "lastcall/http/h2/h2_flood.hpp"
#include "lastcall/http/h2/h2_session.hpp"
#include "lastcall/http/h2/h2_stream.hpp"
#include "lastcall/http/requests/http2.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/write_queue.hpp"

namespace lastcall::inline v0::http::detail {

class h2_connection final : public net::connection, private h2_events {
 public:
  /// Takes over the socket of `before`. `received`: the bytes that `before` received and did not use, which are the
  /// client's preface or a part of it.
  h2_connection(detail::shard& s, net::connection& before, std::string received) noexcept;
  ~h2_connection() override;

  // For the streams:

  /// Held by each function that may cause output. The end of the outermost scope sends the output in one write, and may
  /// end the connection.
  class output_scope {
   public:
    explicit output_scope(h2_connection& c) noexcept : connection_(c) { ++connection_.open_scopes_; }
    ~output_scope() {
      if (connection_.open_scopes_ == 1) connection_.on_last_scope_end();
      --connection_.open_scopes_;
    }
    output_scope& operator=(output_scope&&) = delete;

   private:
    h2_connection& connection_;
  };

  h2_session& session() noexcept { return session_; }
  detail::shard& shard() noexcept { return shard_; }
  /// Reused memory for the fields of a response.
  std::vector<h2_field>& fields() noexcept { return fields_; }
  time_point refresh_now() noexcept { return set().loop().refresh_now(); }
  bool ended() const noexcept { return state() == net::connection_state::closed; }
  bool input_is_over() const noexcept { return input_over_; }
  /// Whether this connection has been told of the drain.
  bool was_told() const noexcept { return draining() && tell_at() == time_point::max(); }
  bool remote_ends() const noexcept { return input_over_ || remote_is_ending(); }
  /// The drain end has passed: the end of this connection counts as forced.
  void ends_by_force() noexcept { farewell_as_ = net::connection_end::forced; }
  /// When the client last took bytes of a body. While the write queue waits for the client, write_by_ is the limit: so
  /// it is now.
  time_point last_progress() const noexcept { return unsent_.empty() ? last_progress_ : loop_now(); }
  /// A client of a long-lived stream did not receive after it was told: the end of this connection counts as timed out.
  void timed_out() noexcept { farewell_as_ = net::connection_end::timed_out; }
  /// A response has ended before its request.
  void answered_early() noexcept { answered_early_ = true; }
  duration linger_sending() const noexcept { return set().options().linger_sending; }
  using connection::within_memory;

 private:
  using streams = net::intrusive_list<h2_stream>;

  void on_readable() noexcept override;
  void on_writable() noexcept override;
  void on_timeout() noexcept override;
  void on_drain() noexcept override;
  void on_told() noexcept override;
  void on_idle_over() noexcept override;
  void on_end(net::connection_end) noexcept override;
  std::optional<time_point> works_since() const override;
  std::string work_label() const override;
  std::string work_waits_for() const override;

  void* on_begin(std::int32_t id) noexcept override;
  void on_field(void* stream, std::string_view name, std::string_view value) noexcept override;
  void on_head(void* stream, bool ended) noexcept override;
  void on_data(void* stream, std::string_view bytes) noexcept override;
  void on_trailer(void* stream, std::string_view name, std::string_view value) noexcept override;
  void on_end(void* stream) noexcept override;
  h2_output on_output(void* stream, std::span<char> into) noexcept override;
  void on_output_end(void* stream) noexcept override;
  void on_lost(void* stream) noexcept override;
  void on_close(void* stream, h2_error why, bool by_us) noexcept override;
  void on_settings() noexcept override;
  void on_ping_acknowledged() noexcept override;
  bool on_noise(h2_noise what) noexcept override;
  void on_refused(std::int32_t id) noexcept override;

  bool leaving() const noexcept { return ended() || state() == net::connection_state::lingering; }
  bool may_read() const noexcept { return !leaving() && unsent_.empty() && !closing_ && !input_over_; }
  void read_some() noexcept;
  void feed(std::string_view bytes) noexcept;
  void feed_received_before() noexcept;
  void input_ended(net::io_end how) noexcept;
  void perform(h2_action) noexcept;
  void flush() noexcept;
  bool write_unsent() noexcept;
  void wait_for_room() noexcept;
  bool client_reads() noexcept;
  bool only_long_lived() noexcept;
  void all_sent() noexcept;
  void on_last_scope_end() noexcept;
  void set_waiting_state() noexcept;
  time_point drain_cuts_requests_at() const noexcept;
  void cut_all(request_end as) noexcept;
  void cut(streams& all, request_end as) noexcept;
  template <class F> void pass_to(void* stream, const F& f) noexcept;
  void retire(h2_stream&) noexcept;
  void delete_retired() noexcept;

  detail::shard& shard_;
  h2_session session_;
  h2_farewell farewell_;
  h2_flood flood_;
  mutable streams open_;  // not closed by both sides; all three lists own their streams
  std::size_t open_count_ = 0;
  streams unflushed_;                  // closed, but the kernel does not have all bytes of the response
  streams retired_;                    // ended, and deleted later: a function of one may be on the stack
  std::vector<h2_stream*> to_answer_;  // complete requests, answered when the session returns; null: ended since
  std::vector<h2_field> fields_;
  std::string received_before_;  // bytes that the connection before this one received
  net::write_queue unsent_;
  time_point write_by_{};       // by then the client must take some of unsent_
  time_point last_progress_{};  // when bytes of a body last left
  time_point settings_by_;
  net::connection_end farewell_as_ = net::connection_end::clean;
  int open_scopes_ = 0;             // output scopes on the stack
  bool settings_received_ = false;  // the client's first SETTINGS arrived
  bool answered_early_ = false;     // a stream of open_ has all of its response, which is counted when it is sent
  bool ping_acknowledged_ = false;  // by the client, since the last call of the farewell
  bool closing_ = false;            // sends FIN as soon as the write queue is empty
  bool readable_ = true;            // the kernel reported input (edge-triggered), and not all of it was read
  bool more_to_send_ = false;       // the session has more to send: other connections are served first
  bool input_over_ = false;         // the client's FIN was read: no more requests
};

make_http2 http2_connection;  // what the server hands to HTTP/1.1

}  // namespace lastcall::inline v0::http::detail
