#include "lastcall/net/acquire.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace lastcall::inline v0::net {

namespace {

using lastcall::detail::lease_waiter;
using lastcall::detail::pool_core;

// The coroutine that waits. It may be destroyed while it does.
class parked_caller final : public lease_waiter {
 public:
  parked_caller(pool_core& of, const boost::asio::any_io_executor& on)
      : of_(of), timer_(std::make_shared<boost::asio::steady_timer>(on)) {}
  ~parked_caller() override { of_.abandon(*this); }
  parked_caller& operator=(parked_caller&&) = delete;

  // The timer belongs to the thread of its executor. Shared: what is posted may run after the wait.
  void told() noexcept override {
    boost::asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
  }
  task<> wait_until(time_point end) {
    boost::system::error_code cancelled;
    timer_->expires_at(end);
    co_await timer_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }

 private:
  pool_core& of_;
  const std::shared_ptr<boost::asio::steady_timer> timer_;
};

}  // namespace

task<pool_core::answer> detail::acquire(pool_core& of, context with, std::source_location where) {
  const time_point began = steady().now();
  for (;;) {
    parked_caller me(of, co_await boost::asio::this_coro::executor);
    if (auto at_once = of.begin(me, with, began, where)) co_return *std::move(at_once);
    {
      const stop_callback cut_short(with.forced_token(), [&] { of.give_up(me); });
      co_await me.wait_until(of.longest_wait_from(began));
    }
    if (auto given = of.finish(me, with, began, where)) co_return *std::move(given);
  }
}

}  // namespace lastcall::inline v0::net
