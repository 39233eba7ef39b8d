#include "lastcall/core/context/context.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lastcall/core/context/deadline_timer.hpp"
#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0 {

namespace detail {

struct wait_note {
  const std::string text;
  wait_note* before = nullptr;  // the latest one before this
};

// Stages go forward only: running, draining, forced. Stage and cause are one atomic word, so a reader sees a pair that
// belongs together, without a lock. Where a deadline has passed, the state is forced, whatever the word says: readers
// compare the clock, and the shared timer advances the word only if callbacks wait for it. `advance` takes the lock,
// since waiting threads and callbacks need it. Ownership: shared by the source, the contexts and the `waiting` objects.
// A child holds its parent's state through `parent_`; the parent reaches its children only through stop callbacks with
// a weak pointer. Re-entrancy: a stop callback is user code. It runs after the lock is released, and may use, end or
// destroy contexts.
class context_state : public std::enable_shared_from_this<context_state> {
 public:
  context_state() = default;
  /// Forced at `end`. `alarm` goes to the shared timer when a callback waits.
  context_state(time_point end, deadline_timer::alarm alarm) noexcept : ends_(end), alarm_(std::move(alarm)) {}
  ~context_state() {
    if (ends_ != time_point::max()) deadline_timer::shared().cancel(alarm_);
  }
  context_state& operator=(context_state&&) = delete;

  bool reached(stage wanted) const noexcept {
    return word_.load(std::memory_order_acquire).at >= wanted || is_past_deadline();
  }
  lastcall::cause cause() const noexcept {
    const word now = word_.load(std::memory_order_acquire);
    return now.at != stage::forced && is_past_deadline() ? lastcall::cause::deadline : now.cause;
  }
  time_point drain_end() const noexcept {
    // The acquire pairs with the release in advance(), so the drain end is there once the stage is seen.
    const bool told = word_.load(std::memory_order_acquire).at != stage::running;
    const time_point by = told ? drain_end_.load(std::memory_order_relaxed) : time_point::max();
    return is_past_deadline() ? std::min(by, ends_) : by;
  }
  time_point deadline() const noexcept { return ends_; }

  void advance(stage to, time_point drain_end, lastcall::cause cause) noexcept {
    bool draining = false;
    {
      const std::lock_guard lock(mutex_);
      const stage from = word_.load(std::memory_order_relaxed).at;
      if (from == stage::forced) return;
      if (is_past_deadline()) {  // before whatever else forces it now
        to = stage::forced;
        drain_end = std::min(drain_end, ends_);
        cause = cause::deadline;
      }
      if (from >= to) return;
      draining = from == stage::running;
      if (draining) drain_end_.store(drain_end, std::memory_order_relaxed);
      word_.store({to, cause}, std::memory_order_release);
    }
    changed_.notify_all();
    if (draining) run(draining_);
    if (to == stage::forced) run(forced_);
  }

  bool wait(stage wanted, time_point end) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, std::min(end, ends_), [&] { return reached(wanted); });
  }

  /// False: the stage has begun, so the caller runs it.
  bool link(stop_link& it, stage at) noexcept {
    const std::lock_guard lock(mutex_);
    if (reached(at)) return false;
    callbacks& all = of(at);
    it.before_ = std::exchange(all.latest, &it);
    if (it.before_ != nullptr) it.before_->after_ = &it;
    it.linked_ = true;
    set_alarm();
    return true;
  }

  void unlink(stop_link& it, stage at) noexcept {
    std::unique_lock lock(mutex_);
    callbacks& all = of(at);
    if (it.linked_) return take_out(it, all);
    if (all.running != &it) return;  // it has run
    if (all.runner == std::this_thread::get_id()) {
      all.running = nullptr;  // its own function destroys it
      return;
    }
    changed_.wait(lock, [&] { return all.running != &it; });
  }

#ifdef __cpp_lib_jthread
  std::stop_token standard_token(stage at) {
    const std::lock_guard lock(mutex_);
    std::stop_source& source = of(at).standard;
    if (!source.stop_possible()) {
      source = std::stop_source();
      if (reached(at)) source.request_stop();  // nobody has its token yet, so nothing is called
      set_alarm();
    }
    return source.get_token();
  }
#endif

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
  // Of one stage. `running` and `runner` are of the one thread that has begun the stage.
  struct callbacks {
    stop_link* latest = nullptr;
    const stop_link* running = nullptr;
    std::thread::id runner;
#ifdef __cpp_lib_jthread
    std::stop_source standard{std::nostopstate};  // made at the first use
#endif
  };
  struct word {
    stage at = stage::running;
    lastcall::cause cause = lastcall::cause::none;
  };
  static_assert(std::atomic<word>::is_always_lock_free && std::atomic<time_point>::is_always_lock_free);

  static constexpr std::size_t most_notes = 4;  // in the text

  bool is_past_deadline() const noexcept { return ends_ != time_point::max() && steady().now() >= ends_; }
  // Under the lock, so the timer must not take it before it has let go of its own.
  void set_alarm() noexcept {
    if (ends_ != time_point::max()) deadline_timer::shared().set(alarm_, *this);
  }

  callbacks& of(stage at) noexcept { return at == stage::draining ? draining_ : forced_; }

  static void take_out(stop_link& it, callbacks& all) noexcept {
    (it.after_ != nullptr ? it.after_->before_ : all.latest) = it.before_;
    if (it.before_ != nullptr) it.before_->after_ = it.after_;
    it.linked_ = false;
  }

  // Once for each stage, after the word has it: no further callback is linked then.
  void run(callbacks& all) noexcept {
    std::unique_lock lock(mutex_);
    all.runner = std::this_thread::get_id();
    while (stop_link* const it = all.latest) {
      take_out(*it, all);
      all.running = it;
      lock.unlock();
      it->run_(it->of_);  // may destroy it
      lock.lock();
      if (std::exchange(all.running, nullptr) != nullptr) changed_.notify_all();
    }
#ifdef __cpp_lib_jthread
    std::stop_source standard = all.standard;
    lock.unlock();
    standard.request_stop();
#endif
  }

  const time_point ends_ = time_point::max();  // of its own or a parent's deadline
  deadline_timer::alarm alarm_;
  std::atomic<word> word_{};
  std::atomic<time_point> drain_end_{};
  mutable std::mutex mutex_;         // guards changes of the word, the notes and the callbacks
  std::condition_variable changed_;  // the word, or a callback has run
  wait_note* latest_note_ = nullptr;
  callbacks draining_;
  callbacks forced_;
  context parent_;
  std::optional<stop_callback<parent_ended>> on_parent_draining_;  // last members: unlinked before the rest dies
  std::optional<stop_callback<parent_ended>> on_parent_forced_;
};

namespace {
std::shared_ptr<context_state> timed_state(time_point end) {
  return std::make_shared<context_state>(end, deadline_timer::alarm_at(end));
}
}  // namespace

stop_link::stop_link(stop_token until, void* of, void (*run)(void* of) noexcept) noexcept
    : until_(std::move(until)), of_(of), run_(run) {
  if (until_.state_ && !until_.state_->link(*this, until_.at_)) run_(of_);
}

stop_link::~stop_link() {
  if (until_.state_) until_.state_->unlink(*this, until_.at_);
}

void deadline_timer::ring(context_state& of, time_point when) noexcept {
  of.advance(stage::forced, when, cause::deadline);
}
std::shared_ptr<context_state> deadline_timer::kept(context_state& of) noexcept { return of.weak_from_this().lock(); }

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

const char* to_text(cause what) noexcept {
  static constexpr std::array<const char*, detail::enum_count<cause>()> texts{"none", "draining", "forced",
                                                                              "client_gone", "deadline"};
  const auto index = static_cast<std::size_t>(what);
  return index < texts.size() ? texts[index] : "unknown";
}

bool context::draining() const noexcept { return state_ && state_->reached(stage::draining); }
bool context::forced() const noexcept { return state_ && state_->reached(stage::forced); }
cause context::cause() const noexcept { return state_ ? state_->cause() : lastcall::cause::none; }
time_point context::drain_end() const noexcept { return state_ ? state_->drain_end() : time_point::max(); }
bool context::wait_for(duration time) const { return wait(state_.get(), stage::draining, time); }
bool context::wait_until_forced_for(duration time) const { return wait(state_.get(), stage::forced, time); }

bool stop_token::stop_requested() const noexcept { return state_ && state_->reached(at_); }
#ifdef __cpp_lib_jthread
stop_token::operator std::stop_token() const { return state_ ? state_->standard_token(at_) : std::stop_token(); }
#endif

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

time_point context::end() const noexcept {
  return state_ ? std::min(state_->deadline(), state_->drain_end()) : time_point::max();
}
duration context::remaining(duration most) const noexcept {
  if (!state_) return most;
  if (state_->reached(stage::forced)) return duration::zero();
  const time_point by = end();
  if (by == time_point::max()) return most;
  return std::clamp(by - steady().now(), duration::zero(), std::max(most, duration::zero()));
}
int context::remaining_ms(duration most) const noexcept {
  constexpr duration longest = std::chrono::milliseconds(std::numeric_limits<int>::max());
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(remaining(std::min(most, longest))).count());
}
std::chrono::system_clock::time_point context::system_end(duration most) const {
  using std::chrono::system_clock;
  return system_clock::now() + std::chrono::floor<system_clock::duration>(remaining(most));
}

context_source::context_source() : state_(std::make_shared<detail::context_state>()) {}

// A parent's deadline is the child's as well.
context_source::context_source(const context& parent)
    : state_(parent.state_ && parent.state_->deadline() != time_point::max()
                 ? detail::timed_state(parent.state_->deadline())
                 : std::make_shared<detail::context_state>()) {
  if (parent.state_) state_->follow(parent);
}

context_source::context_source(const context& parent, deadline by)
    : state_(detail::timed_state(std::min(by.when(), parent.state_ ? parent.state_->deadline() : time_point::max()))) {
  if (parent.state_) state_->follow(parent);
}

void context_source::begin_drain(time_point drain_end, lastcall::cause cause) noexcept {
  // A copy, since a stop callback may destroy this source.
  if (const auto state = state_) state->advance(stage::draining, drain_end, cause);
}

void context_source::force(lastcall::cause cause) noexcept {
  if (const auto state = state_) state->advance(stage::forced, steady().now(), cause);
}

}  // namespace lastcall::inline v0
