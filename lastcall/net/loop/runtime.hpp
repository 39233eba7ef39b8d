// The threads that serve: one io_context and one loop for each, shared by all servers of an app. Moves no connection
// from one loop to another.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/gate.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/report.hpp"

namespace boost::asio {
class any_io_executor;
class io_context;
}  // namespace boost::asio

namespace lastcall::inline v0 {
class app;
}

namespace lastcall::inline v0::net {

class loop;
class runtime;

namespace detail {
std::span<const std::unique_ptr<loop>> loops_of(const runtime&) noexcept;
}

struct runtime_options {
  /// Threads to start. 0: one for each processor that this process may use.
  unsigned threads = 0;
  /// Uses this io_context instead of starting threads. Run it until the app has stopped, by one thread or by several:
  /// they take turns, and the handlers of all servers run one at a time, on a strand. Not together with `threads`.
  boost::asio::io_context* io = nullptr;
  logger log = {};
};

/// A component that each server needs, so it starts first and stops last.
/// Threads: `use` and `executor` any; the rest the lifecycle's.
class runtime final : public component {
 public:
  using options = runtime_options;
  static constexpr std::string_view shared_name = "runtime";

  /// Errors: std::invalid_argument for more than 1024 threads.
  explicit runtime(options = {});
  /// The runtime of an app, with its log.
  runtime(options, app&);
  ~runtime() override;

  void start(context) override;
  /// Waits for three things, one after the other:
  ///   1 components that `use` it: a forced one may still be closing its connections (100 ms)
  ///   2 handlers that are queued on the loops (until the drain end); what is queued later is dropped
  ///   3 the threads (20 ms); a thread that is stuck in a handler is left behind with its loop
  /// If the stuck handler belongs to no component that uses the runtime, the runtime of an app waits on, so that the
  /// app reports the runtime itself as hung. Blocks: until the drain end, at least 120 ms; with the user's io_context 1
  /// s.
  void stop() noexcept override;
  /// It has no work of its own, so it loses none.
  void account(component_report& into) const override { into.lost = false; }
  bool started() const noexcept { return started_; }
  /// `stop` had to leave a thread behind. What its handlers use must not be destroyed.
  bool stuck() const noexcept { return stuck_; }

  /// While the ticket lives, the loops run; see `stop` for the bound. Empty after `stop`, unless the io_context is the
  /// user's.   Threads: any.
  std::optional<ticket> use() noexcept { return users_.enter(); }

  /// For timers and other things that handlers await. On a loop's thread that loop's, elsewhere the loops in rotation.
  /// To use it, include <boost/asio/any_io_executor.hpp>.
  boost::asio::any_io_executor executor() noexcept;

 private:
  friend std::span<const std::unique_ptr<loop>> detail::loops_of(const runtime&) noexcept;
  struct threads_part;

  void open();
  void run(boost::asio::io_context&) noexcept;
  void close_on_users_thread() noexcept;
  std::string blocked_loops();

  logger log_;
  std::unique_ptr<threads_part> threads_;
  std::vector<std::unique_ptr<loop>> loops_;
  std::vector<std::shared_ptr<std::atomic<bool>>> came_round_;  // of each loop, since it was asked last
  gate users_;
  std::atomic<std::size_t> next_{0};
  bool started_ = false;
  bool stuck_ = false;
  bool of_an_app_ = false;  // which reports it by name when it hangs
  context life_;
};

}  // namespace lastcall::inline v0::net
