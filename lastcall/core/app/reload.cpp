#include "lastcall/core/app/reload.hpp"

#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {

struct reload::state {
  state(logger to, std::shared_ptr<shutdown_requests> of) : log(std::move(to)), requests(std::move(of)) {}

  std::vector<std::function<void()>> hooks;  // complete before the start, so read without a lock
  const logger log;
  const std::shared_ptr<shutdown_requests> requests;
  std::atomic<bool> under_way{false};

  void run() {
    const watched_thread here("app", "hook");
    const activity doing("on_reload");
    try {
      for (const auto& hook : hooks)
        if (const auto failure = exception_of(hook)) log.error("app", "reload failed", {{"cause", to_text(failure)}});
    } catch (const forced_unwind&) {
      log.error("app", "reload failed", {{"cause", thread_ended().what()}});
      over();
      throw;
    }
    over();
  }
  void over() noexcept {
    under_way.store(false, std::memory_order_release);  // pairs with the acquire in under_way()
    requests->driver_wakeup()
        .notify();  // a reload may have been requested meanwhile, or the shutdown may wait for this one
  }
};

reload::reload(logger log, std::shared_ptr<shutdown_requests> requests)
    : state_(std::make_shared<state>(std::move(log), std::move(requests))) {}

void reload::add(std::function<void()> hook) { state_->hooks.push_back(std::move(hook)); }

bool reload::begin_if_requested(lifecycle& life) {
  if (under_way() || !state_->requests->take_reload()) return false;
  state_->under_way = true;
  state_->log.info("app", "reloading");
  life.run_in_background([s = state_] { s->run(); });
  return true;
}

bool reload::under_way() const noexcept { return state_->under_way.load(std::memory_order_acquire); }

}  // namespace lastcall::inline v0
