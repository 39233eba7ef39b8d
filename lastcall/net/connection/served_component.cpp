#include "lastcall/net/connection/served_component.hpp"

#include <stdexcept>
#include <utility>

#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/connection/standalone.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::net {

void served_component::start(context life) {
  standalone* const own = alone();
  if (own) life = own->begin(life, served().name());
  begin(life);
  try {
    served().start(std::move(life));
  } catch (...) {
    if (own) own->stop_runtime();
    throw;
  }
  if (own) own->started();
}

void served_component::drain(context life, drained done) {
  if (standalone* const own = alone()) own->begin_drain(life.drain_end());
  served().drain(std::move(life), std::move(done));
}

void served_component::force() noexcept {
  if (standalone* const own = alone()) own->force();
  served().force();
}

void served_component::stop() noexcept { served().stop(); }
void served_component::account(component_report& into) const { served().account(into); }
void served_component::measure(metrics& into) const { served().measure(into); }
void served_component::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  served().in_progress(out, limit);
}
std::vector<endpoint> served_component::addresses() const { return served().addresses(); }
connection_ledger served_component::connections() const noexcept { return served().ledger(); }
result<void> served_component::reload_certificates() noexcept {
  const auto tls = served().shared_tls();
  return tls ? tls->reload() : result<void>(std::errc::operation_not_supported);
}

shutdown_result served_component::shutdown(deadline by) {
  standalone* const own = alone();
  if (!own)
    throw std::logic_error(served().name() +
                           ": an app drives this server; call app::shutdown or app::request_shutdown");
  if (own->ended()) return *own->ended();
  shutdown_result came = own->shutdown(*this, served().name(), by);
  if (!own->ended()) return came;  // it never started
  came.requests_forced = requests_forced();
  came.connections_forced = connections().forced;
  return *(own->ended() = came);
}

close_result served_component::close() noexcept {
  const std::uint64_t before = requests_forced();
  const cut what = served().close();
  return {.requests = requests_forced() - before, .connections = what.connections, .idle_connections = what.idle};
}

bool served_component::end() noexcept {
  standalone* const own = alone();
  if (own) {
    own->wait_for_verbs();
    stop();
    return own->stop_runtime();  // before anything that its threads could touch goes
  }
  if (served().serving()) stop();
  return !served().stuck();
}

}  // namespace lastcall::inline v0::net
