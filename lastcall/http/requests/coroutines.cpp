// Coroutines are kept after their call has ended, and so are the calls: a request then costs a resume and no
// allocation. A free coroutine is suspended in `work`, and `free` holds the function that resumes it with its next
// call.
#include "lastcall/http/requests/coroutines.hpp"

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/http/requests/call.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_free = 256;  // more than these exist only while handlers wait
}  // namespace

/// Owned by the class and by each coroutine frame, so that frames which the io_context destroys late still find it.
struct coroutines::shared {
  explicit shared(std::shared_ptr<const call_environment> e) : environment(std::move(e)) {}

  const std::shared_ptr<const call_environment> environment;
  std::vector<function<void(call*)>> free;  // last in, first out; so is `spare`
  std::vector<call::owned> spare;
  std::atomic<bool> closed{false};

  void close() noexcept {
    closed = true;
    const auto gone = std::move(free);  // destroying these frames drops references to *this
  }

  /// Takes over a reference to a call that has been answered, and keeps the call if nothing else refers to it.
  void give_back(call& c) {
    if (spare.size() < most_free && c.end()) {
      spare.emplace_back(&c);
    } else {
      c.release();
    }
  }

  static task<> work(std::shared_ptr<shared> all, call* first);
};

/// One coroutine: it serves call after call until the pool closes or has enough free ones.
task<> coroutines::shared::work(std::shared_ptr<shared> all, call* first) {
  // The pointer owns a reference, so that a frame which is destroyed while it waits gives the call back.
  for (call::owned now(first); now;) {
    if (now->makes_body()) {
      co_await now->run_maker();
    } else {
      std::exception_ptr threw;
      try {
        now->answer_here(co_await now->run_handler());
      } catch (...) {
        threw = caught();
      }
      if (threw) now->answer_here(now->failed(threw));
    }
    all->give_back(*now.release());
    if (all->closed || all->free.size() >= most_free) break;
    call* const next = co_await boost::asio::async_initiate<const boost::asio::deferred_t&, void(call*)>(
        [&all](auto handler) { all->free.push_back(std::move(handler)); }, boost::asio::deferred);
    now.reset(next);
  }
}

coroutines::coroutines(std::shared_ptr<const call_environment> environment)
    : shared_(std::make_shared<shared>(std::move(environment))) {}

coroutines::~coroutines() {
  if (!shared_->closed) shared_->close();  // no thread runs the loop any more, so this is safe
}

call& coroutines::borrow() {
  if (shared_->spare.empty()) return *new call(shared_->environment);
  call& c = *shared_->spare.back().release();
  shared_->spare.pop_back();
  return c;
}

/// Resumes a free coroutine inside this call: a handler that does not wait has answered when this returns.
void coroutines::run(call& c) {
  c.acquire();
  if (shared_->free.empty())
    return boost::asio::co_spawn(shared_->environment->loop.executor(), shared::work(shared_, &c),
                                 boost::asio::detached);
  const function<void(call*)> next = std::move(shared_->free.back());
  shared_->free.pop_back();
  next(&c);
}

/// Posted, since coroutines belong to the loop's thread.
void coroutines::close_soon() noexcept {
  shared_->environment->loop.post([all = shared_] { all->close(); });
}

}  // namespace lastcall::inline v0::http::detail
