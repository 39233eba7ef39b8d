#include "lastcall/net/loop/runtime.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/net/loop/kept_context.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::net {

namespace {
unsigned usable_processors() noexcept {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

/// The first: for components that use the loops, and for what is queued on these. The second: for the threads to end.
constexpr duration queue_time = std::chrono::milliseconds(100);
constexpr duration leaving_time = std::chrono::milliseconds(20);

std::string thread_name(std::size_t i) { return ("lastcall-io-" + std::to_string(i)).substr(0, 15); }

thread_local loop* loop_of_this_thread = nullptr;
}  // namespace

struct runtime::threads_part {  // heavy headers stay in this file
  using guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  std::vector<std::shared_ptr<kept_context>> contexts;
  std::vector<guard> guards;
  std::vector<lastcall::detail::own_thread> running;
  std::vector<std::shared_ptr<countdown>> ended;                             // of each thread; shared with it
  const std::shared_ptr<countdown> unused = std::make_shared<countdown>(1);  // no component uses it any more
};

std::span<const std::unique_ptr<loop>> detail::loops_of(const runtime& of) noexcept { return of.loops_; }

runtime::runtime(options o) : log_(std::move(o.log)), threads_(std::make_unique<threads_part>()) {
  lastcall::detail::option_check("runtime").number("threads", o.threads, 0, 1024);
  if (o.io) {
    if (o.threads != 0)
      throw std::invalid_argument("runtime: threads = " + std::to_string(o.threads) +
                                  " beside an io_context, whose threads are yours; give one of the two");
    loops_.push_back(std::make_unique<loop>(*o.io, true));
    return;
  }
  const unsigned count = o.threads == 0 ? usable_processors() : o.threads;
  for (unsigned i = 0; i < count; ++i) {
    threads_->contexts.push_back(std::make_shared<kept_context>());
    loops_.push_back(std::make_unique<loop>(threads_->contexts.back()));
  }
}

runtime::~runtime() {
  stop();
  if (!stuck_) {
    loops_.clear();
    threads_->guards.clear();
    for (auto& each : threads_->contexts) {
      each->end();
      // A coroutine that waits for something of the program, for example: that comes back to this executor.
      if (each.use_count() > 1) lastcall::detail::leave_behind(std::move(each));
    }
    return;
  }
  for (auto& each : loops_) lastcall::detail::leave_behind(std::move(each));  // a thread still runs on one of them
  lastcall::detail::leave_behind(std::move(threads_));
}

runtime::runtime(options o, app& of) : runtime(std::move(o)) {
  log_ = of.log();
  of_an_app_ = true;
  of.alive_unless([this] { return blocked_loops(); });
}

// What was posted the last time has not run: a handler holds the loop.
std::string runtime::blocked_loops() {
  came_round_.resize(loops_.size());
  std::string blocked;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    auto& came = came_round_[i];
    if (came && !came->load(std::memory_order_acquire)) {
      blocked.append(blocked.empty() ? "" : ", ").append("runtime: loop " + std::to_string(i) + " is blocked");
      continue;
    }
    came = std::make_shared<std::atomic<bool>>(false);
    loops_[i]->post([mine = came] { mine->store(true, std::memory_order_release); });
  }
  return blocked;
}

void runtime::start(context life) {
  life_ = std::move(life);
  started_ = true;
  try {
    open();
  } catch (...) {
    stop();
    throw;
  }
}

void runtime::open() {
  for (auto& each : loops_) each->open();
  for (std::size_t i = 0; i < threads_->contexts.size(); ++i) {
    auto& io = *threads_->contexts[i];
    threads_->guards.emplace_back(io.get_executor());
    auto& ended = threads_->ended.emplace_back(std::make_shared<countdown>(1));
    threads_->running.emplace_back([this, &io, mine = loops_[i].get(), ended] {
      loop_of_this_thread = mine;
      {
        const watched_thread here(shared_name, "loop");
        run(io);
      }
      ended->count_down();  // the last thing that this thread does with the runtime
    });
    ::pthread_setname_np(threads_->running.back().native_handle(), thread_name(i).c_str());
  }
}

/// An exception of a user's completion handler must end neither the process nor the other connections of the loop.
void runtime::run(boost::asio::io_context& io) noexcept {
  for (;;) {
    const std::exception_ptr threw = exception_of([&] { io.run(); });
    if (!threw) return;
    log_.error(shared_name, "a completion handler threw; the loop goes on", {{"what", lastcall::to_text(threw)}});
  }
}

boost::asio::any_io_executor runtime::executor() noexcept {
  for (auto& each : loops_)
    if (each.get() == loop_of_this_thread) return each->executor();
  return loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()]->executor();
}

/// See the header for the three waits. All of them share one clock, so that one slow thread does not add to the next.
void runtime::stop() noexcept {
  if (threads_->contexts.empty()) return close_on_users_thread();
  if (threads_->running.empty()) return;  // it has stopped, or never started
  time_point by = steady().now() + queue_time;
  users_.close([unused = threads_->unused] { unused->count_down(); });
  threads_->unused->wait_until(by);
  threads_->guards.clear();
  for (std::size_t i = 0; i < threads_->running.size(); ++i) {
    try {  // a loop ends behind the handlers that are queued on it now
      loops_[i]->post([io = threads_->contexts[i].get()] { io->stop(); });
    } catch (const std::exception&) {  // out of memory: it is stopped below
    }
  }
  if (life_.draining()) by = std::max(by, life_.drain_end());
  for (std::size_t i = 0; i < threads_->running.size(); ++i) threads_->ended[i]->wait_until(by);
  for (auto& io : threads_->contexts) io->stop();
  by += leaving_time;
  for (std::size_t i = 0; i < threads_->running.size(); ++i) {
    if (threads_->ended[i]->wait_until(by)) {
      threads_->running[i].join();
      loops_[i]->close();
      continue;
    }
    // A handler blocks it. If it is a component's that uses the loop, the report names that one as hung, and this one
    // must not hang as well. If not, it is the program's own: then this component hangs, so that the report shows it.
    if (of_an_app_ && users_.inside() == 0) threads_->ended[i]->wait_until(time_point::max());
    log_.error(shared_name, "a thread does not leave its handler; it is left behind", {{"thread", thread_name(i)}});
    threads_->running[i].detach();
    stuck_ = true;
  }
  threads_->running.clear();
  threads_->ended.clear();
}

void runtime::close_on_users_thread() noexcept {
  if (!std::exchange(started_, false)) return;
  const auto closed = std::make_shared<countdown>(1);
  loops_.front()->post([closed, the_loop = loops_.front().get()] {
    the_loop->close();
    // What was posted before runs before this.
    the_loop->post([closed, the_loop] { the_loop->when_released([closed] { closed->count_down(); }); });
  });
  if (closed->wait_until(steady().now() + std::chrono::seconds(1))) return;
  log_.error(shared_name, "nobody runs the io_context any more; keep it running until the app has stopped");
  stuck_ = true;  // it may run again
}

}  // namespace lastcall::inline v0::net
