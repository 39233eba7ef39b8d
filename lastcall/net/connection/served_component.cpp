#include "lastcall/net/connection/served_component.hpp"

#include <utility>

#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/tls/tls.hpp"

namespace lastcall::inline v0::net {

void served_component::start(context life) { served().start(std::move(life)); }
void served_component::drain(context life, drained done) { served().drain(std::move(life), std::move(done)); }
void served_component::force() noexcept { served().force(); }
void served_component::stop() noexcept { served().stop(); }
void served_component::account(component_report& into) const { served().account(into); }
void served_component::measure(metrics& into) const { served().measure(into); }
void served_component::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  served().in_progress(out, limit);
}
std::vector<endpoint> served_component::addresses() const { return served().addresses(); }
connection_ledger served_component::connections() const noexcept { return served().ledger(); }
std::string served_component::reload_certificates() noexcept {
  const auto tls = served().shared_tls();
  return tls ? tls->reload() : std::string("this server speaks no TLS");
}

}  // namespace lastcall::inline v0::net
