// A component made of a few functions: for another library's server, a loop, a worker, or anything else with a
// beginning and an end that is not a class. app.add takes them; component.hpp says when each verb is called.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

struct component_report;
class metrics;

/// A callable with or without a context as its argument. Empty tests false.
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

/// The verbs of a component. At least one function is set; `measure` alone will do. `start`, `run` and `drain` may take
/// the component's context, which drains and is forced with it. An exception of any verb but `start` is logged, and is
/// the field `failure` of the report; the shutdown continues.
struct functions {
  /// Makes it usable. All that it needs has started.   Errors: an exception means that the start failed.   Blocks: may,
  /// without a limit.
  step start{};

  /// Runs on a thread of its own, after `start`, until `drain` or its context tells it to end. Not called when a
  /// shutdown was requested before. If it returns or throws earlier, the component has failed, and the app shuts down.
  /// If it never returns, the component is hung; its thread and these functions stay in memory.
  step run{};

  /// `run` is ready to serve. The start waits until it returns true, and calls it each millisecond; if the library has
  /// a callback for that, wait for it in `start` instead. If `run` ends first, or this throws, the start has failed,
  /// and `stop` is called if `start` was.
  function<bool()> ready{};

  /// Tells others that the end is coming, and continues to serve.
  function<void()> announce{};

  /// Takes no new work and makes `run` return. It has a thread of its own, so it may block until the work is finished:
  /// the component has drained when both have returned. While `run` runs it is not called before `ready` was true,
  /// since many libraries lose a stop that comes too early. After an exception `force` follows at once.
  step drain{};

  /// Cuts what is left, so that the other functions return. May be called while `start` or `drain` runs; at most once.
  /// If it is empty and the component has not drained yet, `drain` is called instead, with a forced context.   Blocks:
  /// must not.
  function<void()> force{};

  /// Releases what `start` took. `run` and `drain` have returned.
  function<void()> stop{};

  /// As component::account, measure and in_progress. The last two may be called at any time, beside all others. What
  /// `run` or `drain` waits for is in progress without `in_progress`.
  function<void(component_report&)> account{};
  function<void(metrics&)> measure{};
  function<void(std::vector<work_item>&, std::size_t limit)> in_progress{};

  /// As component::times.
  shutdown_times takes{};

  /// `run` may return before it is told to: then its work is done. An exception is still a failure.
  bool may_return = false;
};

/// Makes the component, for use without an app. Calls `failed` once, on the thread of `run`, with the cause, when
/// `run` has ended by itself; never after `drain`, `force` or `stop` has returned. `failed` must not call the
/// component. Errors: std::invalid_argument if all functions are empty.
std::unique_ptr<component> make_component(std::string name, functions verbs, logger log,
                                          function<void(std::string)> failed);

}  // namespace lastcall::inline v0
