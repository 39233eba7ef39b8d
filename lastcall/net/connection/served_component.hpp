// A component that is a connection_server with a protocol: says once how its verbs and questions go there. Owns
// nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

class connection_server;

/// Threads: `addresses`, `connections` and `reload_certificates` any; the rest the lifecycle's.
class served_component : public component {
 public:
  /// Errors: std::system_error that names the address and the remedy.
  void start(context) override;
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
  /// Reads the certificates again, for new connections. Returns an empty text, or why it failed; then the former ones
  /// stay in use. An app calls this at each SIGHUP.
  std::string reload_certificates() noexcept;

 private:
  virtual connection_server& served() const noexcept = 0;
};

}  // namespace lastcall::inline v0::net
