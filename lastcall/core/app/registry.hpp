// Knows the long connections that no server of ours sees: those of a WebSocket library, raw sockets, other servers'
// sessions. It tells each when the end comes and cuts what is left. It owns no socket and closes nothing by itself. As
// a component of an app, app.add<registry>("sessions", {}), it does so in its turn; it works without an app too.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"

namespace lastcall::inline v0 {

class app;

/// One long connection and how to reach it. Callbacks may be empty. What they throw is swallowed and counted.
struct registration {
  std::string label{};             // what it is: "chat"
  std::string remote{};            // the other end: "10.0.0.7:51234"
  function<void(context)> tell{};  // the end is coming: say goodbye, then give the entry up
  function<void()> cut{};          // time is up: close now; must not block; may overtake `tell` on another thread
};

struct registry_item {
  std::string label{};
  std::string remote{};
  duration age{};
};

/// Callbacks run outside of any lock, each at most once, on the thread that calls `drain`, `force` or `add`. In an app
/// the first two have threads of their own, and a callback that blocks holds up this component alone. Reports the
/// fields `told`, `cut` and, if any, `left` and `failures`; being forced lost something if anything was cut. Threads:
/// every member from any, but destruction comes after all other calls. Entries may outlive it.
class registry final : public component {
  struct state;
  struct node;

 public:
  /// Keeps its connection registered. When it is destroyed, no callback of it runs afterwards.
  /// Blocks: while another thread runs a callback of it; not when it is destroyed inside its own callback, which then
  /// finishes after. So don't destroy it while holding a lock that its callbacks take, nor inside `cut` if `tell` may
  /// hang.
  class entry {
   public:
    entry() noexcept = default;
    entry(entry&&) noexcept = default;
    entry& operator=(entry&& other) noexcept;
    ~entry() { leave(); }
    /// Gives up early.
    void leave() noexcept;

   private:
    friend class registry;
    entry(std::shared_ptr<state> of, std::shared_ptr<node> at) noexcept : state_(std::move(of)), node_(std::move(at)) {}

    std::shared_ptr<state> state_;
    std::shared_ptr<node> node_;
  };

  struct options {};

  /// Ages are read from `time`, which must outlive it.
  explicit registry(const clock& time = steady());
  /// Ages are read from the app's clock.
  registry(options, app& owner);
  /// A `done` that has not been called yet never is.
  ~registry() override;
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// Whoever comes while it drains is told, and once forced is cut too, before this returns.
  [[nodiscard]] entry add(registration what);

  /// Tells every entry, oldest first, and those that come later. Calls `done` once when all are gone and no callback
  /// runs, on the thread on which that comes true, at the earliest before this returns. The first call counts.
  void drain(context ctx, drained done) override;
  /// Cuts every entry that is left and was not cut before.
  void force() noexcept override;
  void account(component_report& out) const override;
  /// Its entries, the oldest first: what a shutdown waits for.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  std::size_t size() const;
  /// Entries that were told so far, and those that were cut, be it without a callback.
  std::size_t told() const;
  std::size_t cut() const;
  /// Callbacks that threw so far.
  std::size_t failures() const;
  /// At most `limit` of them, oldest first.
  std::vector<registry_item> snapshot(time_point now, std::size_t limit) const;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
