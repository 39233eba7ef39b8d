#include "lastcall/core/app/signal_routing.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/signals/signal_name.hpp"

namespace lastcall::inline v0 {
namespace {

// A handler rather than SIG_IGN: programs that are executed later do not inherit a handler.
extern "C" void lastcall_ignore_signal(int) {}

bool contains(const std::vector<int>& numbers, int number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// Or what an app before has left.
bool has_default_handling(int number) noexcept {
  struct sigaction now{};
  return sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
         (now.sa_handler == SIG_DFL || now.sa_handler == lastcall_ignore_signal);
}

void ignore_from_here_on(int number) noexcept {
  struct sigaction ignore{};
  ignore.sa_handler = lastcall_ignore_signal;
  ignore.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(number, &ignore, nullptr);
}

// A reader that has gone is an error of the write (EPIPE), not the end of the service.
bool ignore_broken_pipes(const app_options& options) noexcept {
  if (options.signals.empty() || contains(options.signals, SIGPIPE) || !has_default_handling(SIGPIPE)) return false;
  ignore_from_here_on(SIGPIPE);
  return true;
}

}  // namespace

hangup hangup_of(const app_options& options) {
  const bool listed = contains(options.signals, SIGHUP);
  const hangup unset = options.on_reload ? hangup::reload : hangup::end;
  const hangup is = options.sighup.value_or(listed && !options.on_reload ? hangup::end : unset);
  if (options.on_reload && (listed || is != hangup::reload))
    throw std::invalid_argument("app: there is an on_reload, which SIGHUP calls, but SIGHUP is to " +
                                std::string(is == hangup::ignore ? "be ignored" : "end the app") +
                                "; leave it out of signals, and sighup empty or hangup::reload");
  if (listed && is != hangup::end)
    throw std::invalid_argument("app: SIGHUP is one of the signals that end the app, but sighup says otherwise");
  return is;
}

// `signals_` is made last: from then on the signal thread may call on_signal, which uses all other members.
signal_routing::signal_routing(const app_options& options, std::shared_ptr<shutdown_requests> requests,
                               const clock& time, const std::atomic<app_driver>& driver)
    : requests_(std::move(requests)),
      time_(time),
      driver_(driver),
      hup_(hangup_of(options)),
      quit_dumps_(options.state_on_quit && !options.signals.empty() && !contains(options.signals, SIGQUIT)),
      numbers_(numbers(options, quit_dumps_)),
      pipe_ignored_(ignore_broken_pipes(options)),
      signals_(numbers_, [this](const signal_record& record) { on_signal(record); }) {
  for (const int number : numbers_) {
    struct sigaction ours{};
    if (sigaction(number, nullptr, &ours) == 0) installed_.push_back({number, ours.sa_sigaction});
  }
}

signal_routing::~signal_routing() {
  struct sigaction now{};
  if (pipe_ignored_ && !until_exit_ && sigaction(SIGPIPE, nullptr, &now) == 0 &&
      now.sa_handler == lastcall_ignore_signal)
    signal(SIGPIPE, SIG_DFL);
}

// Those that nobody has named are taken only from the default handling: the program may have a handler of its own.
std::vector<int> signal_routing::numbers(const app_options& options, bool quit_dumps) {
  std::vector<int> all = options.signals;
  const auto also = [&](int number, bool wanted) {
    if (wanted && !contains(all, number)) all.push_back(number);
  };
  also(SIGHUP, options.on_reload || options.sighup || (!options.signals.empty() && has_default_handling(SIGHUP)));
  also(SIGXCPU, !options.signals.empty() && has_default_handling(SIGXCPU));
  also(SIGQUIT, quit_dumps);
  return all;
}

// On the signal thread. It neither locks nor allocates, so that a signal counts while every other thread hangs.
void signal_routing::on_signal(const signal_record& record) noexcept {
  if (record.number == SIGHUP && hup_ == hangup::ignore) return;
  if (record.number == SIGHUP && hup_ == hangup::reload) return requests_->request_reload();
  if (record.number == SIGQUIT && quit_dumps_) return requests_->request_state_dump();
  switch (policy_.take(record.at, record.number != SIGHUP && record.number != SIGXCPU)) {
    case signal_action::begin:
      requests_->request(stamped({.kind = cause_kind::signal, .signal = record}, time_));
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

bool signal_routing::is_ours(const installed_handler& h) noexcept {
  struct sigaction now{};
  return sigaction(h.number, nullptr, &now) == 0 && now.sa_sigaction == h.function;
}

std::string signal_routing::taken_over() const {
  std::string names;
  for (const installed_handler& h : installed_)
    if (!is_ours(h)) names.append(names.empty() ? "" : ", ").append(signal_name(h.number));
  return names;
}

void signal_routing::ignore_signals_until_exit() noexcept {
  until_exit_ = true;
  for (const installed_handler& h : installed_)
    if (is_ours(h)) ignore_from_here_on(h.number);
}

}  // namespace lastcall::inline v0
