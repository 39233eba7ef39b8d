// A component that is a connection_server with a protocol: says once how its verbs and questions go there, and how it
// ends where no app drives it. Owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/net/connection/shutdown_result.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

class connection_server;
class standalone;

/// Threads: `addresses`, `connections` and `reload_certificates` any; the rest the lifecycle's, or without an app one.
class served_component : public component {
 public:
  /// Listens.   Errors: std::system_error that names the address and the remedy; then nothing runs. Without an app, a
  /// second start is std::logic_error, also after a failed one: make a new server.
  void start(context = {}) override;
  /// Unplugs the listeners, then drains the connections. Drained when the last of them has ended, and no blocking
  /// handler is at work.
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// Where it listens, with the ports that the kernel chose. Valid once started, so a component that asks in its own
  /// start must need the server.
  std::vector<endpoint> addresses() const;
  connection_ledger connections() const noexcept;
  /// Reads the certificates again, for new connections. After an error the former ones stay in use; the log says which
  /// file, and the remedy. An app does this at each SIGHUP.   Errors: those of reading a file;
  /// std::errc::invalid_argument for wrong contents, std::errc::operation_not_supported without TLS.
  result<void> reload_certificates() noexcept;

  /// For a server that no app drives: refuses new connections, finishes the accepted work, ends each connection in its
  /// protocol's way, and returns as soon as the last one has gone, at the deadline at the latest. A tenth of the time
  /// (50 ms to 2 s) before the deadline it forces what is left. Does not stop handlers that block their thread. A
  /// second call returns the same result.   Errors: std::logic_error for a server that an app drives.
  shutdown_result shutdown(deadline by);
  /// Cuts everything now: work in progress is lost.   Blocks: at most 1 s.
  close_result close() noexcept;

 protected:
  /// For the destructor of the server. False: a thread does not come back and still uses its parts: leave them behind.
  bool end() noexcept;

 private:
  virtual connection_server& served() const noexcept = 0;
  /// Null: an app drives it, or a caller who has the runtime.
  virtual standalone* alone() const noexcept = 0;
  /// Before it listens.
  virtual void begin(const context&) {}
  virtual std::uint64_t requests_forced() const noexcept { return 0; }
};

}  // namespace lastcall::inline v0::net
