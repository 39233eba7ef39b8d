#include "lastcall/core/app/signal_routing.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"

namespace lastcall::inline v0 {
namespace {

// A handler rather than SIG_IGN: programs that are executed later do not inherit a handler.
extern "C" void lastcall_ignore_signal(int) {}

bool contains(const std::vector<int>& numbers, int number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

}  // namespace

// `signals_` is made last: from then on the signal thread may call on_signal, which uses all other members.
signal_routing::signal_routing(const app_options& options, std::shared_ptr<shutdown_requests> requests,
                               const clock& time, const std::atomic<app_driver>& driver)
    : requests_(std::move(requests)),
      time_(time),
      driver_(driver),
      hup_reloads_(options.on_reload != nullptr),
      hup_is_taken_(options.signals.empty() || contains(options.signals, SIGHUP)),
      quit_dumps_(options.state_on_quit && !options.signals.empty() && !contains(options.signals, SIGQUIT)),
      signals_(numbers(options), [this](const signal_record& record) { on_signal(record); }) {
  for (const int number : numbers(options)) remember_handler(number);
}

std::vector<int> signal_routing::numbers(const app_options& options) const {
  std::vector<int> all = options.signals;
  if (hup_reloads_ && contains(all, SIGHUP))
    throw std::invalid_argument("app: SIGHUP can't both end the app and have it reload; leave it out of signals");
  if (hup_reloads_) all.push_back(SIGHUP);
  if (quit_dumps_) all.push_back(SIGQUIT);
  return all;
}

void signal_routing::catch_reload() {
  if (hup_reloads_ || reload_signals_ || hup_is_taken_) return;
  reload_signals_.emplace(std::vector<int>{SIGHUP}, [this](const signal_record&) { requests_->request_reload(); });
  remember_handler(SIGHUP);
}

void signal_routing::remember_handler(int number) {
  struct sigaction ours{};
  if (sigaction(number, nullptr, &ours) == 0) installed_.push_back({number, ours.sa_sigaction});
}

// On the signal thread. It neither locks nor allocates, so that a signal counts while every other thread hangs.
void signal_routing::on_signal(const signal_record& record) noexcept {
  if (record.number == SIGHUP && hup_reloads_) return requests_->request_reload();
  if (record.number == SIGQUIT && quit_dumps_) return requests_->request_state_dump();
  switch (policy_.take(record.at)) {
    case signal_action::begin:
      requests_->request(stamped({.trigger = trigger::signal, .signal = record}, time_));
      break;
    case signal_action::force:
      second_ = record;
      has_second_.store(true, std::memory_order_release);  // pairs with the acquire in forced_by()
      requests_->force();
      break;
    case signal_action::exit_now:
      if (driver_.load(std::memory_order_relaxed) == app_driver::program) break;  // it decides that itself
      try_write_stderr("lastcall: asked a third time, leaving at once\n");
      _exit(exit_codes::by_signal(record.number));
    case signal_action::merge:
      break;
  }
}

std::string signal_routing::forced_by() const {
  if (!has_second_.load(std::memory_order_acquire)) return {};
  return "asked a second time, by " + signal_name(second_.number) + " from " + describe_sender(second_) +
         ": what is left is cut";
}

void signal_routing::ignore_signals_until_exit() noexcept {
  for (const installed_handler& h : installed_) {
    struct sigaction now{};
    if (sigaction(h.number, nullptr, &now) != 0 || now.sa_sigaction != h.function)
      continue;  // another handler's by now
    struct sigaction ignore{};
    ignore.sa_handler = lastcall_ignore_signal;
    ignore.sa_flags = SA_RESTART;
    sigaction(h.number, &ignore, nullptr);
  }
}

}  // namespace lastcall::inline v0
