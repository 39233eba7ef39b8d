// The listener for the operators of a service: health, metrics, status, preStop. Do not publish its port.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/listen/activated.hpp"

namespace lastcall::inline v0::http {

struct admin_options {
  /// Probes connect to the address of the pod, not to loopback.
  std::string address = "0.0.0.0";
  /// 0: the kernel picks one, see `addresses`.
  std::uint16_t port = 9090;
  /// As server_options::listen: `net::activated("admin")`.
  net::listen_options listen = {};
  /// The name in logs and stacks. Empty: "admin".
  std::string name = {};
};

/// Starts before all other components of its app and drains after them, so probes are answered from the first start to
/// the last stop. It has a thread of its own, which other handlers can't block. Its connections are
/// in no ledger, and cutting them changes no outcome.
///
/// | path           | answer                                                                                    |
/// |----------------|-------------------------------------------------------------------------------------------|
/// | /livez         | 200 as long as the process runs                                                           |
/// | /readyz        | 200, or 503 with the reason: as text, as JSON if the client accepts application/json      |
/// | /metrics       | for Prometheus                                                                            |
/// | /status        | phase, time left and components, as JSON                                                  |
/// | /status/events | the same as server-sent events, each second and at each step; ends as the last to drain   |
/// | /prestop       | ends readiness (app::announce), answers after the readiness delay: GET or POST            |
///
/// Threads: `addresses` any.
class admin final : public component {
 public:
  using options = admin_options;
  static constexpr bool needed_by_all = true;

  admin(options, app&);
  ~admin() override;

  /// Errors: std::system_error that names the address and the remedy.
  void start(context) override;
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;

  /// Where it listens. Valid once started.
  std::vector<net::endpoint> addresses() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::http
