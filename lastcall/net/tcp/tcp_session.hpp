// The session of a raw TCP connection: bytes as they come, for a handler that is a coroutine or blocks a thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lastcall/core/log/log.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/session/session.hpp"
#include "lastcall/net/tcp/tcp_stream.hpp"

namespace lastcall::inline v0::net {

struct session_handler;

/// What all sessions of one server share.
struct tcp_service {
  const session_handler& handler;
  session_limits limits;
  thread_pool* pool = nullptr;
  logger log;
  std::string name;
};

class tcp_session final : public session {
 public:
  tcp_session(connection_set&, arrival, const tcp_service&);

  /// Takes what a read wants, if it is there: all of it, or up to the delimiter. `over`: why it never will be.
  /// While draining that is once nothing has come for `quiet`.
  bool take(std::optional<char> delimiter, std::string& into, read_end& over, duration quiet) noexcept;
  /// Takes as many bytes as there is room for.
  std::size_t put(std::string_view bytes) noexcept;

 private:
  void on_open() noexcept override;
  void on_overfull() noexcept override { refusing_ = true; }
  void on_input() noexcept override { wake_handler(); }
  void on_handler_over(std::exception_ptr) noexcept override;
  std::string work_label() const override { return "a session"; }

  /// Has the handler look whether the remote has been quiet.
  struct wake_up final : timed {
    explicit wake_up(tcp_session& s) noexcept : of(s) {}
    void on_due(time_point) noexcept override { of.wake_handler(); }
    tcp_session& of;
  };

  void begin() noexcept;
  bool is_quiet(duration) noexcept;

  const tcp_service& service_;
  const std::shared_ptr<tcp_stream> stream_;
  std::size_t searched_ = 0;
  time_point quiet_since_{};
  bool looked_ = false;  // once more, after the time was over
  wake_up wake_up_{*this};
  bool refusing_;
  bool handler_begun_ = false;
};

}  // namespace lastcall::inline v0::net
