// The threads that serve: one io_context and one loop each, shared by all servers of an app. Not a scheduler: a
// connection stays on the loop that it was given to.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "lastcall/core/gate.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace boost::asio {
class any_io_executor;
}

namespace lastcall::inline v0 {
class app;
}

namespace lastcall::inline v0::net {

struct runtime_options {
  /// Threads to start. 0: one for each processor that this process may use.
  unsigned threads = 0;
  /// Takes the user's io_context instead of starting threads. Exactly one thread runs it, and runs it until the app has
  /// stopped.
  boost::asio::io_context* io = nullptr;
  logger log = {};
};

/// A component that everything with connections needs: it starts first and stops last.
/// Threads: `loops` and `executor` from any; the rest are the lifecycle's.
class runtime final : public component {
 public:
  using options = runtime_options;
  static constexpr std::string_view shared_name = "runtime";

  /// Errors: std::invalid_argument for more than 1024 threads.
  explicit runtime(options = {});
  /// Logs as the app does.
  runtime(options, app&);
  ~runtime() override;

  void start(context) override;
  /// First waits for those who `use` it: one that was forced may still be cutting its connections; then, until the
  /// drain end, for the handlers that are queued. What is not queued yet is dropped. A thread that is stuck in a
  /// handler is left behind, and so is its loop; but the component of an app waits for a handler that is nobody else's,
  /// so that the app says that it hangs. Blocks: until the drain end, 120 ms at least; with the user's io_context 1 s.
  /// An app bounds the rest.
  void stop() noexcept override;
  /// It has no work of its own, so it loses none.
  void account(component_report& into) const override { into.lost = false; }
  /// Whether `stop` had to leave a thread behind: what its handlers use must not be destroyed.
  bool stuck() const noexcept { return stuck_; }

  /// Our loops run for as long as it lives, or nearly: see `stop`. Empty once that was called, unless the io_context is
  /// the user's.   Threads: any.
  std::optional<ticket> use() noexcept { return users_.enter(); }

  /// For timers and whatever else handlers await: the calling thread's own if it is one of ours, else each in turn.
  /// Include <boost/asio/any_io_executor.hpp> to use it.
  boost::asio::any_io_executor executor() noexcept;

  std::span<const std::unique_ptr<loop>> loops() const noexcept { return loops_; }

 private:
  struct threads_part;

  void open();
  void run(boost::asio::io_context&) noexcept;
  void close_on_users_thread() noexcept;
  void end_behind_the_queue(std::size_t number) noexcept;

  logger log_;
  std::unique_ptr<threads_part> threads_;
  std::vector<std::unique_ptr<loop>> loops_;
  std::vector<std::thread> running_;
  gate users_;
  std::atomic<std::size_t> next_{0};
  bool started_ = false;
  bool stuck_ = false;
  bool is_named_ = false;  // by an app, in its report
  context life_;
};

}  // namespace lastcall::inline v0::net
