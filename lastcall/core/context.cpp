#include "lastcall/core/context.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace lastcall::inline v0 {

namespace detail {

enum class stage : unsigned char { running, draining, forced };

class context_state : public std::enable_shared_from_this<context_state> {
 public:
  bool reached(stage wanted) const noexcept { return word_.load(std::memory_order_acquire).at >= wanted; }
  lastcall::cause cause() const noexcept { return word_.load(std::memory_order_acquire).why; }
  time_point drain_end() const noexcept {
    // The acquire in reached() pairs with the release in advance(), so the drain end is there once the stage is seen.
    return reached(stage::draining) ? drain_end_.load(std::memory_order_relaxed) : time_point::max();
  }

  void advance(stage to, time_point drain_end, lastcall::cause why) noexcept {
    std::stop_source draining{std::nostopstate};
    std::stop_source forced{std::nostopstate};
    {
      const std::lock_guard lock(mutex_);
      const stage from = word_.load(std::memory_order_relaxed).at;
      if (from >= to) return;
      if (from == stage::running) {
        drain_end_.store(drain_end, std::memory_order_relaxed);
        draining = draining_;
      }
      if (to == stage::forced) forced = forced_;
      word_.store({to, why}, std::memory_order_release);
    }
    advanced_.notify_all();
    draining.request_stop();  // runs the callbacks, so outside of the lock
    forced.request_stop();
  }

  bool wait(stage wanted, time_point end) {
    std::unique_lock lock(mutex_);
    return !advanced_.wait_until(lock, end, [&] { return reached(wanted); });
  }

  std::stop_token token(stage wanted) {
    const std::lock_guard lock(mutex_);
    std::stop_source& source = wanted == stage::draining ? draining_ : forced_;
    if (!source.stop_possible()) {
      source = std::stop_source();
      if (reached(wanted)) source.request_stop();
    }
    return source.get_token();
  }

  void follow(const context& parent) {
    parent_ = parent;
    on_parent_draining_.emplace(parent.draining_token(), parent_ended{weak_from_this(), stage::draining});
    on_parent_forced_.emplace(parent.forced_token(), parent_ended{weak_from_this(), stage::forced});
  }

 private:
  // Weak, so that a callback which drops the last context of the child does not pull the state from under advance().
  struct parent_ended {
    std::weak_ptr<context_state> child;
    stage to;
    void operator()() const noexcept {
      if (const auto state = child.lock()) state->advance(to, state->parent_.drain_end(), state->parent_.cause());
    }
  };
  struct word {
    stage at = stage::running;
    lastcall::cause why = lastcall::cause::none;
  };
  static_assert(std::atomic<word>::is_always_lock_free && std::atomic<time_point>::is_always_lock_free);

  std::atomic<word> word_{};
  std::atomic<time_point> drain_end_{};
  std::mutex mutex_;  // guards the way forward and the two sources below
  std::condition_variable advanced_;
  std::stop_source draining_{std::nostopstate};  // made when first asked for: most contexts are only looked at
  std::stop_source forced_{std::nostopstate};
  context parent_;
  std::optional<std::stop_callback<parent_ended>> on_parent_draining_;  // last members: unlinked before the rest dies
  std::optional<std::stop_callback<parent_ended>> on_parent_forced_;
};

}  // namespace detail

namespace {

using detail::stage;

time_point after(duration time) noexcept {
  const time_point now = steady().now();
  return time > time_point::max() - now ? time_point::max() : now + time;
}

bool wait(detail::context_state* state, stage wanted, duration time) {
  const time_point end = after(time);
  if (state != nullptr) return state->wait(wanted, end);
  std::this_thread::sleep_until(end);
  return true;
}

}  // namespace

const char* to_text(cause why) noexcept {
  switch (why) {
    case cause::none:
      return "none";
    case cause::draining:
      return "draining";
    case cause::forced:
      return "forced";
    case cause::client_gone:
      return "client_gone";
    case cause::deadline:
      return "deadline";
  }
  return "unknown";
}

bool context::draining() const noexcept { return state_ && state_->reached(stage::draining); }
bool context::forced() const noexcept { return state_ && state_->reached(stage::forced); }
cause context::cause() const noexcept { return state_ ? state_->cause() : lastcall::cause::none; }
time_point context::drain_end() const noexcept { return state_ ? state_->drain_end() : time_point::max(); }
bool context::wait_for(duration time) const { return wait(state_.get(), stage::draining, time); }
bool context::wait_until_forced_for(duration time) const { return wait(state_.get(), stage::forced, time); }
std::stop_token context::draining_token() const { return state_ ? state_->token(stage::draining) : std::stop_token(); }
std::stop_token context::forced_token() const { return state_ ? state_->token(stage::forced) : std::stop_token(); }

context_source::context_source() : state_(std::make_shared<detail::context_state>()) {}

context_source::context_source(const context& parent) : context_source() {
  if (parent.state_) state_->follow(parent);
}

void context_source::begin_drain(time_point drain_end, lastcall::cause why) noexcept {
  // A copy, since a stop callback may destroy this source.
  if (const auto state = state_) state->advance(stage::draining, drain_end, why);
}

void context_source::force(lastcall::cause why) noexcept {
  if (const auto state = state_) state->advance(stage::forced, steady().now(), why);
}

}  // namespace lastcall::inline v0
