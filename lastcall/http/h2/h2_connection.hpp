// A connection that speaks HTTP/2: what h1_connection is, for many requests at once. Frames are its session's, requests
// its streams', and when it says goodbye is h2_farewell's to decide.
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
#include "lastcall/http/serving/shard.hpp"
#include "lastcall/net/connection/connection.hpp"

namespace lastcall::inline v0::http::detail {

class h2_connection final : public net::connection, private h2_events {
 public:
  /// The replacement of `before`, which has received, and not used, the first bytes: the client's preface, or a part of
  /// it.
  h2_connection(detail::shard& s, net::connection& before, std::string received) noexcept;
  ~h2_connection() override;

  // For its streams:

  /// Whoever has something said holds one: what is to be sent goes out when the outermost ends.
  class output_scope {
   public:
    explicit output_scope(h2_connection& c) noexcept : connection_(c) { ++connection_.open_scopes_; }
    ~output_scope() {
      if (connection_.open_scopes_ == 1) connection_.on_last_scope_end();
      --connection_.open_scopes_;
    }
    output_scope(const output_scope&) = delete;
    output_scope& operator=(const output_scope&) = delete;

   private:
    h2_connection& connection_;
  };

  h2_session& session() noexcept { return session_; }
  detail::shard& shard() noexcept { return shard_; }
  /// Fields of a response that is being put together.
  std::vector<h2_field>& fields() noexcept { return fields_; }
  time_point now() const noexcept { return loop_now(); }
  time_point refresh_now() noexcept { return set().loop().refresh_now(); }
  bool ended() const noexcept { return state() == net::connection_state::closed; }
  bool input_is_over() const noexcept { return input_over_; }
  /// That we drain.
  bool was_told() const noexcept { return draining() && tell_at() == time_point::max(); }
  bool remote_ends() const noexcept { return input_over_ || remote_is_ending(); }
  /// Last words are not an answer in time.
  void forced() noexcept { farewell_as_ = net::connection_end::forced; }
  /// When its client took something last. While bytes wait for room that has its own bound: now.
  time_point last_progress() const noexcept { return unsent_.empty() ? last_progress_ : loop_now(); }
  /// A client that stands still was not waited for until the drain's end.
  void timed_out() noexcept { farewell_as_ = net::connection_end::timed_out; }
  /// Out of memory.
  void end_out_of_memory() noexcept;

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

  void* on_begin(std::int32_t id) noexcept override;
  void on_field(void* stream, std::string_view name, std::string_view value) noexcept override;
  void on_head(void* stream, bool ended) noexcept override;
  void on_data(void* stream, std::string_view bytes) noexcept override;
  void on_trailer(void* stream, std::string_view name, std::string_view value) noexcept override;
  void on_end(void* stream) noexcept override;
  h2_output on_output(void* stream, std::span<char> into) noexcept override;
  void on_output_end(void* stream) noexcept override;
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
  void cut_all(request_end as) noexcept;
  void cut(streams& all, request_end as) noexcept;
  void retire(h2_stream&) noexcept;
  void delete_retired() noexcept;

  detail::shard& shard_;
  h2_session session_;
  h2_farewell farewell_;
  h2_flood flood_;
  mutable streams open_;  // not closed by both sides
  std::size_t open_count_ = 0;
  streams unflushed_;                  // whose response has ended, and the kernel does not have every byte of it yet
  streams retired_;                    // gone; somebody up the stack may still be in one of them
  std::vector<h2_stream*> to_answer_;  // to be answered once the session has returned
  std::vector<h2_field> fields_;
  std::string received_before_;  // by the connection before
  std::string unsent_;
  std::size_t unsent_from_ = 0;
  time_point write_by_{};
  std::size_t unacknowledged_ = 0;  // when write_by_ was set
  time_point last_progress_{};      // when something of a body left last
  time_point settings_by_;
  net::connection_end farewell_as_ = net::connection_end::clean;
  int open_scopes_ = 0;
  bool settings_received_ = false;  // the client's first SETTINGS are here
  bool ping_acknowledged_ = false;
  bool closing_ = false;       // FIN as soon as all is sent
  bool readable_ = true;       // an edge came while we could not read, or nobody has looked yet
  bool more_to_send_ = false;  // more is to be sent, for the sake of others' turn not now
  bool input_over_ = false;    // the client's FIN was read
};

}  // namespace lastcall::inline v0::http::detail
