#include "lastcall/net/acquire.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lastcall/net/parked.hpp"

namespace lastcall::inline v0::net {

namespace {

using lastcall::detail::lease_waiter;
using lastcall::detail::pool_core;

// The coroutine that waits. It may be destroyed while it does.
class parked_caller final : public lease_waiter {
 public:
  parked_caller(pool_core& of, const boost::asio::any_io_executor& on)
      : wait(std::make_shared<detail::parked>(on)), of_(of) {}
  ~parked_caller() override { of_.abandon(*this); }
  parked_caller& operator=(parked_caller&&) = delete;

  void told() noexcept override { wait->wake(); }

  const std::shared_ptr<detail::parked> wait;

 private:
  pool_core& of_;
};

}  // namespace

task<pool_core::answer> detail::acquire(std::shared_ptr<pool_core> of, context with, std::source_location where) {
  const time_point began = steady().now();
  for (;;) {
    parked_caller me(*of, co_await boost::asio::this_coro::executor);
    if (auto at_once = of->begin(me, with, began, where)) co_return *std::move(at_once);
    {
      const stop_callback cut_short(with.forced_token(), [&] { of->give_up(me); });
      boost::system::error_code woken;
      co_await me.wait->until(of->longest_wait_from(began),
                              boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
    if (auto given = of->finish(me, with, began, where)) co_return *std::move(given);
  }
}

}  // namespace lastcall::inline v0::net
