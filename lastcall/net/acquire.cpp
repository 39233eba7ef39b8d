#include "lastcall/net/acquire.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

namespace lastcall::inline v0::net {

namespace {

namespace asio = boost::asio;
using lastcall::detail::lease_waiter;
using lastcall::detail::pool_core;

// A wait that another thread may end, also before it has begun: an executor with several threads may run what is posted
// first. Shared: it may also run after the wait.
class wait_for_lease : public std::enable_shared_from_this<wait_for_lease> {
 public:
  explicit wait_for_lease(const asio::any_io_executor& on) : timer_(on) {}

  /// Threads: any.
  void wake() noexcept {
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
      const std::lock_guard held(self->mutex_);
      self->is_over_ = true;
      self->timer_.cancel();
    });
  }
  template <class Token> auto until(time_point end, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [self = shared_from_this(), end](auto handler) {
          const auto kept = self;  // the coroutine may continue, and destroy what is captured, before this returns
          const std::lock_guard held(kept->mutex_);
          kept->timer_.expires_at(kept->is_over_ ? time_point::min() : end);
          kept->timer_.async_wait(std::move(handler));
        },
        token);
  }

 private:
  std::mutex mutex_;
  asio::steady_timer timer_;
  bool is_over_ = false;
};

// The coroutine that waits. It may be destroyed while it does.
class parked_caller final : public lease_waiter {
 public:
  parked_caller(pool_core& of, const asio::any_io_executor& on) : wait(std::make_shared<wait_for_lease>(on)), of_(of) {}
  ~parked_caller() override { of_.abandon(*this); }
  parked_caller& operator=(parked_caller&&) = delete;

  void told() noexcept override { wait->wake(); }

  const std::shared_ptr<wait_for_lease> wait;

 private:
  pool_core& of_;
};

}  // namespace

task<pool_core::answer> detail::acquire(std::shared_ptr<pool_core> of, context with, std::source_location where) {
  const time_point began = steady().now();
  for (;;) {
    parked_caller me(*of, co_await asio::this_coro::executor);
    if (auto at_once = of->begin(me, with, began, where)) co_return *std::move(at_once);
    {
      const stop_callback cut_short(with.forced_token(), [&] { of->give_up(me); });
      boost::system::error_code woken;
      co_await me.wait->until(of->longest_wait_from(began), asio::redirect_error(asio::use_awaitable, woken));
    }
    if (auto given = of->finish(me, with, began, where)) co_return *std::move(given);
  }
}

}  // namespace lastcall::inline v0::net
