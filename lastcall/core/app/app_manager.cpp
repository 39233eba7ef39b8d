// What an app tells the service manager while it runs and while it ends.
#include <algorithm>
#include <string>
#include <string_view>

#include "lastcall/core/app/app_parts.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::inline v0 {
namespace {

// "serving; http: connections 12, requests 3; db: leases 1".
std::string serving(const metrics& numbers) {
  std::string text = "serving";
  std::string_view who;
  for (const metrics::shown_number& each : numbers.shown()) {
    if (!each.part.empty()) continue;
    text += each.component == who ? ", " : "; " + each.component + ": ";
    who = each.component;
    text.append(each.name).append(" ").append(std::to_string(each.value));
  }
  return text;
}

}  // namespace

std::optional<time_point> app::parts::next_wake() const noexcept {
  const time_point next = std::min(life.next_wake().value_or(time_point::max()), manager->next_wake());
  return next == time_point::max() ? std::nullopt : std::optional(next);
}

void app::parts::reload_if_requested() {
  if (reloading && !reloads.under_way()) {
    reloading = false;
    manager->ready(time.now());
  }
  if (!reloads.begin_if_requested(life)) return;
  reloading = true;
  manager->reloading(time.now());
}

void app::parts::tell_manager() {
  if (!*manager) return;
  const time_point now = time.now();
  manager->send_again(now);
  if (manager->wants_sign(now)) {
    // At the end loops are gone, and the deadline bounds what hangs.
    manager->sign_of_life(now, requests->first() == nullptr ? not_alive_reasons() : std::string());
  }
  if (!life.waits_for().empty()) manager->status("shutting down: waits for " + life.waits_for());
  if (!manager->begins_status(now)) return;
  life.report_numbers([to = manager](const metrics& numbers) {
    to->status(serving(numbers));
    to->status_made();
  });
}

// Numbers are asked for on a thread for verbs. One that hangs there finishes nothing.
void app::parts::extend_stop() {
  if (!extension || requests->forced()) return;
  const time_point now = time.now();
  if (const auto by = extension->asks(now, made_progress->finished.load(std::memory_order_acquire)))
    manager->extend(*by);
  if (extension->forces(now)) {
    forced_by = "forced: nothing was finished for too long, and systemd kills in " +
                to_text(std::chrono::floor<std::chrono::milliseconds>(extension->killed_at() - now));
    log.warning("app", forced_by);
    requests->force();
    return;
  }
  if (made_progress->counting.exchange(true)) return;
  const auto stopped = life.names().size() - life.status().running();
  life.report_numbers([to = made_progress, stopped](const metrics& all) {
    to->finished.store(all.counted() + stopped, std::memory_order_release);
    to->counting = false;
  });
}

}  // namespace lastcall::inline v0
