// A list of long connections that Lastcall's servers do not own: of a WebSocket library, raw sockets, another server's
// sessions. It tells each when the drain begins, and cuts those that are left. It owns and closes no socket. It is a
// component, app.add<registry>("sessions", {}), and works without an app too.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"

namespace lastcall::inline v0 {

class app;

/// One long connection and its callbacks, which may be empty. Exceptions of callbacks are counted, and otherwise
/// ignored.
struct registration {
  std::string label{};             // what it is: "chat"
  std::string remote{};            // the other end: "10.0.0.7:51234"
  function<void(context)> tell{};  // the drain has begun: close in order, then destroy the entry
  function<void()> cut{};          // close now; must not block; may run while `tell` runs on another thread
};

using registry_item = work_item;

/// Callbacks run without a lock, each at most once, on the thread that calls `drain`, `force` or `add`. In an app,
/// `drain` and `force` run on threads of their own, and a callback that blocks delays only this component. Reports the
/// fields `told`, `cut` and, if not zero, `left` and `failures`; work was lost if an entry was cut. Threads: any;
/// destroy it after all other calls have returned. Entries may outlive it.
class registry final : public component {
  struct state;
  struct node;

 public:
  /// Keeps its connection registered while it lives. No callback of it runs after its destruction.
  /// Blocks: while another thread runs one of its callbacks; not inside its own callback. So do not destroy it while
  /// you hold a lock that its callbacks take, nor inside `cut` if `tell` may hang.
  class entry {
   public:
    entry() noexcept = default;
    entry(entry&&) noexcept = default;
    entry& operator=(entry&& other) noexcept;
    ~entry() { leave(); }
    /// Removes the connection before the destruction.
    void leave() noexcept;

   private:
    friend class registry;
    entry(std::shared_ptr<state> of, std::shared_ptr<node> at) noexcept : state_(std::move(of)), node_(std::move(at)) {}

    std::shared_ptr<state> state_;
    std::shared_ptr<node> node_;
  };

  struct options {};

  /// `time`, for the ages of entries, outlives it.
  explicit registry(const clock& time = steady());
  /// Uses the app's clock.
  registry(options, app& owner);
  /// If `done` has not been called, it never is.
  ~registry() override;
  registry& operator=(registry&&) = delete;

  /// While it drains, the new entry is told before this returns; once it is forced, the entry is cut too.
  [[nodiscard]] entry add(registration what);

  /// Tells every entry, oldest first, and each that is added later. Calls `done` once, when all entries are gone and no
  /// callback runs: inside this call, or later on the thread that removes the last one. Only the first call counts.
  void drain(context ctx, drained done) override;
  /// Cuts every entry that is left.
  void force() noexcept override;
  void account(component_report& out) const override;
  /// Its entries, the oldest first.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  std::size_t size() const;
  /// How many entries were told so far, and how many were cut, also without a callback.
  std::size_t told() const;
  std::size_t cut() const;
  /// How many callbacks have thrown so far.
  std::size_t failures() const;
  /// At most `limit` of them, oldest first.
  std::vector<registry_item> snapshot(time_point now, std::size_t limit) const;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
