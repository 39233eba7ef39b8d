// A component made of a few functions: for another library's server, a loop, a worker, whatever has a begin and an end
// but no class of its own. What they are called by is the lifecycle (component.hpp); app.add takes them as they are.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/work_item.hpp"

namespace lastcall::inline v0 {

struct component_report;
class metrics;

/// A callable that takes the context or does without. Empty tests false.
class step {
 public:
  step() noexcept = default;
  template <class F>
    requires(!std::same_as<std::decay_t<F>, step> &&
             (std::invocable<std::decay_t<F>&, context> || std::invocable<std::decay_t<F>&>))
  step(F&& callable) {
    if constexpr (std::invocable<std::decay_t<F>&, context>) {
      call_ = function<void(context)>(std::forward<F>(callable));
    } else if (function<void()> plain(std::forward<F>(callable)); plain) {
      call_ = [plain = std::move(plain)](const context&) { plain(); };
    }
  }

  explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  void operator()(context ends) const { call_(std::move(ends)); }

 private:
  function<void(context)> call_;
};

/// The verbs of a component, each optional, but for one at least. `start`, `run` and `drain` may take a context: the
/// component's, which drains and is forced with it. What any but `start` throws is a line of the log and the field
/// `failure` of the report; nothing of it stops the way down.
struct functions {
  /// Becomes usable; all that it needs has started.   Errors: throws to fail.   Blocks: as long as it likes.
  step start{};

  /// Runs in a thread of its own, after `start`, until it is told to end: by `drain`, or by its context. Not begun when
  /// the start is no longer wanted. When it returns or throws while nobody has told it to, the component has failed,
  /// and the app ends in order. One that never returns is hung; its thread and these functions are left behind then.
  step run{};

  /// Whether `run` is ready to serve; the start waits until it is, looking each millisecond (a library that calls back
  /// needs no `ready`: let `start` wait). If `run` ends before, or this throws, the start has failed, and `stop` is
  /// called if `start` was.
  function<bool()> ready{};

  /// Says that the end is coming; everything goes on being served.
  function<void()> announce{};

  /// Takes no new work and makes `run` end. It has a thread of its own, so it may block, and be the one that does the
  /// waiting: the component has drained when both have returned. Not called before `ready` was true while `run` goes
  /// on, since many a library loses a stop that comes too early. What it throws brings `force` at once.
  step drain{};

  /// Time is up: makes what is left return. May overtake `start` and `drain`; comes at most once. Left out, a forced
  /// component that was not drained before is drained instead, by a context that is forced already.   Blocks: must not.
  function<void()> force{};

  /// Releases what `start` took. `run` and `drain` have returned.
  function<void()> stop{};

  /// As component::account, measure and in_progress, the last two at any time, beside all the others. What the
  /// component waits for itself, be it `run` or `drain`, is in progress without a word.
  function<void(component_report&)> account{};
  function<void(metrics&)> measure{};
  function<void(std::vector<work_item>&, std::size_t limit)> in_progress{};

  /// As component::times.
  shutdown_times takes{};

  /// A `run` that returns by itself has done its work, rather than failed. What it throws is a failure all the same.
  bool may_return = false;
};

/// For those without an app. `failed` is told once, on the thread of `run`, that it ended by itself, and why; never
/// after `drain`, `force` or `stop` has returned. It must not call the component back.
/// Errors: std::invalid_argument if there is nothing to call.
std::unique_ptr<component> make_component(std::string name, functions verbs, logger log,
                                          function<void(std::string)> failed);

}  // namespace lastcall::inline v0
