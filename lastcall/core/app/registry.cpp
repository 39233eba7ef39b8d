#include "lastcall/core/app/registry.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0 {

// Guarded by the state's mutex, except the callbacks themselves: `told` and `cut` let each of them run once.
struct registry::node {
  std::uint64_t id = 0;
  registration what;
  time_point since;
  bool told = false;
  bool cut = false;
  bool gone = false;
  std::array<std::thread::id, 2> running{};  // which thread is in `tell`, and which in `cut`

  bool runs_elsewhere() const noexcept {
    return std::ranges::any_of(
        running, [](std::thread::id in) { return in != std::thread::id() && in != std::this_thread::get_id(); });
  }
};

struct registry::state {
  explicit state(const clock& source) : time(source) {}

  const clock& time;
  mutable std::mutex mutex;
  std::condition_variable returned;                      // some callback did
  std::map<std::uint64_t, std::shared_ptr<node>> nodes;  // by id: oldest first, and a walk survives any change
  std::uint64_t next_id = 1;
  std::size_t busy = 0;  // callbacks, and walks that will make some
  std::size_t failures = 0;
  std::size_t told = 0;
  std::size_t cut = 0;
  bool draining = false;
  bool forced = false;
  context ctx;
  function<void()> done;

  using lock = std::unique_lock<std::mutex>;

  std::size_t read(const std::size_t& count) const {
    const lock held(mutex);
    return count;
  }

  void tell_one(lock& held, node& to) {
    if (std::exchange(to.told, true)) return;
    ++told;
    if (to.what.tell) run(held, to.running[0], [&, with = ctx] { to.what.tell(with); });
  }

  void cut_one(lock& held, node& to) {
    if (std::exchange(to.cut, true)) return;
    ++cut;
    if (to.what.cut) run(held, to.running[1], [&] { to.what.cut(); });
  }

  template <class F> void run(lock& held, std::thread::id& marked, const F& callback) {
    marked = std::this_thread::get_id();
    ++busy;
    held.unlock();
    const auto over = [&](bool failed) {
      held.lock();
      --busy;
      if (failed) ++failures;
      marked = {};
      returned.notify_all();
    };
    try {
      over(exception_of(callback) != nullptr);
    } catch (const forced_unwind&) {
      over(true);
      throw;
    }
  }

  /// Calls `f(held, node)` for each node, oldest first; nodes may come and go meanwhile.
  template <class F> void each(lock& held, const F& f) {
    struct walk {
      explicit walk(std::size_t& of) : busy(++of) {}
      ~walk() { --busy; }
      std::size_t& busy;
    } const under_way(busy);
    std::uint64_t last = 0;
    for (auto at = nodes.begin(); at != nodes.end(); at = nodes.upper_bound(last)) {
      last = at->first;
      std::shared_ptr<node> kept = at->second;
      f(held, *kept);
      held.unlock();  // may be the last to hold it, and what the callbacks captured may call us when it goes
      kept.reset();
      held.lock();
    }
  }

  /// To be called at the end of whatever may have made it empty. Gives the lock up.
  void finish(lock& held) {
    function<void()> call;
    if (draining && nodes.empty() && busy == 0) call = std::exchange(done, nullptr);
    held.unlock();
    if (call) call();
  }
};

registry::registry(const clock& time) : state_(std::make_shared<state>(time)) {}

registry::registry(options, app& owner) : registry(owner.time()) {}

registry::~registry() {
  function<void()> dropped;  // destroyed outside of the lock
  const state::lock held(state_->mutex);
  dropped = std::exchange(state_->done, nullptr);
}

registry::entry registry::add(registration what) {
  auto added = std::make_shared<node>();
  added->what = std::move(what);
  added->since = state_->time.now();
  state::lock held(state_->mutex);
  added->id = state_->next_id++;
  state_->nodes.emplace(added->id, added);
  entry made(state_, added);
  if (state_->draining) state_->tell_one(held, *added);
  if (state_->forced) state_->cut_one(held, *added);
  return made;
}

void registry::drain(context ctx, drained done) {
  const std::shared_ptr<state> kept = state_;  // a callback may destroy the registry
  state::lock held(kept->mutex);
  if (std::exchange(kept->draining, true)) return;
  kept->ctx = std::move(ctx);
  kept->done = std::move(done);
  kept->each(held, [&](state::lock& lock, node& at) { kept->tell_one(lock, at); });
  kept->finish(held);
}

void registry::force() noexcept {
  const std::shared_ptr<state> kept = state_;
  state::lock held(kept->mutex);
  kept->forced = true;
  kept->each(held, [&](state::lock& lock, node& at) { kept->cut_one(lock, at); });
  kept->finish(held);
}

void registry::account(component_report& out) const {
  const state::lock held(state_->mutex);
  out.add("told", state_->told);
  out.add("cut", state_->cut);
  if (!state_->nodes.empty()) out.add("left", state_->nodes.size());
  if (state_->failures > 0) out.add("failures", state_->failures);
  out.lost = state_->cut > 0;
}

void registry::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  std::ranges::move(snapshot(state_->time.now(), limit), std::back_inserter(out));
}

std::size_t registry::size() const {
  const state::lock held(state_->mutex);
  return state_->nodes.size();
}

std::size_t registry::told() const { return state_->read(state_->told); }
std::size_t registry::cut() const { return state_->read(state_->cut); }
std::size_t registry::failures() const { return state_->read(state_->failures); }

std::vector<registry_item> registry::snapshot(time_point now, std::size_t limit) const {
  std::vector<registry_item> items;
  const state::lock held(state_->mutex);
  items.reserve(std::min(limit, state_->nodes.size()));
  for (const auto& [id, at] : state_->nodes) {
    if (items.size() >= limit) break;
    items.push_back({at->what.label, at->what.remote, now - at->since});
  }
  return items;
}

registry::entry& registry::entry::operator=(entry&& other) noexcept {
  entry taken(std::move(other));
  state_.swap(taken.state_);
  node_.swap(taken.node_);
  return *this;
}

void registry::entry::leave() noexcept {
  const std::shared_ptr<state> of = std::exchange(state_, nullptr);
  const std::shared_ptr<node> at = std::exchange(node_, nullptr);
  if (!of) return;
  state::lock held(of->mutex);
  of->nodes.erase(at->id);
  // Whoever runs a callback of it clears its mark before it looks at anything else, so this ends with the callback.
  of->returned.wait(held, [&] { return !at->runs_elsewhere(); });
  of->finish(held);
}

}  // namespace lastcall::inline v0
