// How an app stands while it runs: readiness, status, metrics.
#include <algorithm>
#include <cstddef>

#include "lastcall/core/app/app_parts.hpp"
#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::inline v0 {

namespace {

std::string reasons(const std::vector<std::function<std::string()>>& of) {
  std::string all;
  for (const std::function<std::string()>& each : of) {
    std::string why;
    if (const std::exception_ptr threw = exception_of([&] { why = each(); })) why = to_text(threw);
    if (!why.empty()) all.append(all.empty() ? "" : ", ").append(why);
  }
  return all;
}

}  // namespace

std::string app::parts::unready_reasons() const { return reasons(unready); }
std::string app::parts::not_alive_reasons() const { return reasons(not_alive); }

bool app::ready() const noexcept {
  if (!parts_->life.started() || asked_to_end() || parts_->requests->announced()) return false;
  return parts_->unready.empty() || parts_->unready_reasons().empty();
}

app_status app::status() const {
  const parts& p = *parts_;
  app_status s = p.life.status();
  s.ready = p.life.started() && !asked_to_end() && !p.requests->announced();
  if (s.ready) s.unready = p.unready_reasons();
  if (!s.unready.empty()) s.ready = false;
  std::optional<time_point> announced = p.requests->announced();
  if (const shutdown_request* by = p.requests->first()) {
    s.cause = describe_cause(*p.requests->first());
    announced = std::min(announced.value_or(by->at), by->at);
  }
  if (announced) s.announced = std::max(p.time.now() - *announced, duration::zero());
  return s;
}

void app::measure(metrics& into) const {
  const app_status s = status();
  into.gauge("lastcall_ready", "Whether all has started and the end is not announced.", s.ready);
  for (std::size_t i = 0; i < app_phases; ++i) {
    const auto phase = static_cast<app_phase>(i);
    into.gauge("lastcall_phase", "1 for the phase the app is in.", s.phase == phase, {{"phase", to_text(phase)}});
  }
  for (const component_status& c : s.components) {
    into.of_component(c.name);
    for (std::size_t i = 0; i < component_states; ++i) {
      const auto state = static_cast<component_state>(i);
      into.gauge("lastcall_component_state", "1 for the state a component is in.", c.state == state,
                 {{"state", to_text(state)}});
    }
  }
  into.of_component({});
  into.gauge("lastcall_components_left", "Components that have started and have not stopped.",
             static_cast<double>(s.running()));
  if (s.left)
    into.gauge("lastcall_shutdown_left_seconds", "Time until the deadline of the shutdown.", to_ms(*s.left) / 1000);
  into.counter("lastcall_log_lines_dropped_total", "Lines of log that nobody read.", parts_->log.dropped());
  parts_->life.measure(into);
}

duration app::readiness_left() const noexcept {
  const parts& p = *parts_;
  return p.config.readiness_delay - p.readiness_served(p.time.now());
}

}  // namespace lastcall::inline v0
