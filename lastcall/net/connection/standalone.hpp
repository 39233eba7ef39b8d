// A server that no app drives: its own runtime, and how it starts once and is shut down once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/net/connection/shutdown_result.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::inline v0::net {

/// Threads: that of the server's owner. To be declared so that it outlives the connections of the server.
class standalone {
 public:
  net::runtime& runtime() noexcept { return runtime_; }

  /// Starts the runtime. Returns the context of the server, a child of `parent`.
  /// Errors: std::logic_error that begins with `name`: it was called before.
  context begin(const context& parent, const std::string& name);
  /// The start of the server has succeeded; otherwise `stop_runtime`.
  void started() noexcept { started_ = true; }
  /// The server's context drains, or is forced.
  void begin_drain(time_point drain_end) noexcept { life_.begin_drain(drain_end); }
  void force() noexcept { life_.force(); }

  /// Drives the verbs of the server until it has drained, or the deadline. A second call returns the same result. The
  /// result lacks what was forced.
  shutdown_result shutdown(component& server, const std::string& name, deadline by);
  /// The result of a `shutdown`, to be completed. Empty: there was none.
  std::optional<shutdown_result>& ended() noexcept { return ended_; }

  /// Waits for verbs that the deadline of a shutdown has overtaken, since they still use the server. They run stop
  /// callbacks of the user, who alone can bound them.
  void wait_for_verbs() noexcept;
  /// False: a thread of it does not come back, so what it uses must be left behind.
  bool stop_runtime() noexcept;

 private:
  net::runtime runtime_;
  context_source life_;
  bool tried_ = false;
  bool started_ = false;
  std::optional<shutdown_result> ended_;
  std::shared_ptr<shutdown_requests> asked_;
  std::optional<lifecycle> end_;  // what shut the server down
};

}  // namespace lastcall::inline v0::net
