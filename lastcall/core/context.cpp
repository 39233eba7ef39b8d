#include "lastcall/core/context.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0 {

namespace detail {

enum class stage : unsigned char { running, draining, forced };

struct wait_note {
  const std::string text;
  wait_note* before = nullptr;  // the latest one before this
};

// Stages go forward only: running, draining, forced. Stage and cause are one atomic word, so a reader sees a pair that
// belongs together, without a lock. `advance` takes the lock, since waiting threads and tokens need it. Ownership:
// shared by the source, the contexts and the `waiting` objects. A child holds its parent's state through `parent_`; the
// parent reaches its children only through stop callbacks with a weak pointer. Re-entrancy: a stop callback is user
// code. It runs after the lock is released, and may use, end or destroy contexts.
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

  void add(wait_note& note) noexcept {
    const std::lock_guard lock(mutex_);
    note.before = std::exchange(latest_note_, &note);
  }
  // Usually the latest. Waits of several coroutines with one context may end in any order.
  void remove(const wait_note& note) noexcept {
    const std::lock_guard lock(mutex_);
    wait_note** at = &latest_note_;
    while (*at != &note) at = &(*at)->before;
    *at = note.before;
  }
  std::string notes() const {
    std::string text;
    const std::lock_guard lock(mutex_);
    std::size_t left = most_notes;
    for (const wait_note* note = latest_note_; note != nullptr && left > 0; note = note->before, --left)
      text.append(text.empty() ? "" : " and ").append(note->text);
    return text;
  }

  void follow(const context& parent) {
    parent_ = parent;
    on_parent_draining_.emplace(parent.draining_token(), parent_ended{weak_from_this(), stage::draining});
    on_parent_forced_.emplace(parent.forced_token(), parent_ended{weak_from_this(), stage::forced});
  }

 private:
  // Weak: if a callback drops the last context of the child, the locked pointer keeps the state until advance()
  // returns.
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

  static constexpr std::size_t most_notes = 4;  // in the text

  std::atomic<word> word_{};
  std::atomic<time_point> drain_end_{};
  mutable std::mutex mutex_;  // guards changes of the word, the notes and the two sources below
  wait_note* latest_note_ = nullptr;
  std::condition_variable advanced_;
  std::stop_source draining_{std::nostopstate};  // made at the first use: most contexts need no token
  std::stop_source forced_{std::nostopstate};
  context parent_;
  std::optional<std::stop_callback<parent_ended>> on_parent_draining_;  // last members: unlinked before the rest dies
  std::optional<std::stop_callback<parent_ended>> on_parent_forced_;
};

}  // namespace detail

namespace {

using detail::stage;

bool wait(detail::context_state* state, stage wanted, duration time) {
  const time_point end = detail::later(steady().now(), time);
  if (state != nullptr) return state->wait(wanted, end);
  std::this_thread::sleep_until(end);
  return true;
}

}  // namespace

const char* to_text(cause why) noexcept {
  static constexpr std::array<const char*, detail::enum_count<cause>()> texts{"none", "draining", "forced",
                                                                              "client_gone", "deadline"};
  const auto index = static_cast<std::size_t>(why);
  return index < texts.size() ? texts[index] : "unknown";
}

bool context::draining() const noexcept { return state_ && state_->reached(stage::draining); }
bool context::forced() const noexcept { return state_ && state_->reached(stage::forced); }
cause context::cause() const noexcept { return state_ ? state_->cause() : lastcall::cause::none; }
time_point context::drain_end() const noexcept { return state_ ? state_->drain_end() : time_point::max(); }
bool context::wait_for(duration time) const { return wait(state_.get(), stage::draining, time); }
bool context::wait_until_forced_for(duration time) const { return wait(state_.get(), stage::forced, time); }
std::stop_token context::draining_token() const { return state_ ? state_->token(stage::draining) : std::stop_token(); }
std::stop_token context::forced_token() const { return state_ ? state_->token(stage::forced) : std::stop_token(); }

std::string context::waits_for() const { return state_ ? state_->notes() : std::string(); }

waiting::waiting(const context& with, std::string_view what, std::source_location at) : with_(with) {
  if (!with_.state_) return;
  std::string_view file = at.file_name();
  if (const std::size_t folders = file.rfind('/'); folders != file.npos) file.remove_prefix(folders + 1);
  std::string text(what);
  text.append(" (").append(file).append(":").append(std::to_string(at.line())).append(")");
  note_ = std::make_unique<detail::wait_note>(detail::wait_note{.text = std::move(text)});
  with_.state_->add(*note_);
}

waiting::~waiting() {
  if (note_) with_.state_->remove(*note_);
}

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
