// The session of a raw TCP connection. Its handler, a coroutine or on a thread, uses it through tcp_stream.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/session/session.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/tcp/tcp_stream.hpp"

namespace lastcall::inline v0::net {

/// What the sessions of one server share, and their handlers, which may outlive the server.
struct tcp_service {
  tcp_service(tcp_server_options o, logger l) : options(std::move(o)), log(std::move(l)) {}

  const tcp_server_options options;
  const logger log;
  thread_pool pool{options.blocking, options.name};
};

class tcp_session final : public session {
 public:
  tcp_session(connection_set&, arrival, std::shared_ptr<tcp_service>);

  /// For a read: moves the input to `into`, all or up to the delimiter, and returns true. False: not yet, or never;
  /// `over` says why never. While draining, never means that nothing has come for `quiet`, from the first such read
  /// on; without it, that no byte has passed for the server's `idle_drain_after`.
  bool take(std::optional<char> delimiter, std::string& into, stream_end& over, std::optional<duration> quiet) noexcept;
  /// For a write: sends or queues as many bytes as there is room for, and returns the number.
  std::size_t put(std::string_view bytes) noexcept;

 private:
  void on_open() noexcept override;
  void on_overfull() noexcept override { refusing_ = true; }
  void on_input() noexcept override { wake_handler(); }
  void on_handler_over(std::exception_ptr) noexcept override;
  std::string work_label() const override { return "a session"; }

  /// Wakes the handler, which then asks again whether the remote has been quiet.
  struct wake_up final : timed {
    explicit wake_up(tcp_session& s) noexcept : of(s) {}
    void on_due(time_point) noexcept override { of.wake_handler(); }
    tcp_session& of;
  };

  void begin() noexcept;
  bool was_quiet(std::optional<duration>) noexcept;
  bool is_quiet(duration, time_point since) noexcept;

  const std::shared_ptr<tcp_service> service_;
  std::size_t searched_ = 0;
  time_point quiet_since_{};
  bool looked_ = false;  // a second look is scheduled, after the time has passed
  wake_up wake_up_{*this};
  bool refusing_;
  bool handler_begun_ = false;
};

}  // namespace lastcall::inline v0::net
