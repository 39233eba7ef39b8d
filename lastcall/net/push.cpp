#include "lastcall/net/push.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lastcall/net/parked.hpp"

namespace lastcall::inline v0::net {

namespace {

using lastcall::detail::queue_item;
using lastcall::detail::queue_waiter;
using lastcall::detail::work_queue_core;

// The coroutine that waits. It may be destroyed while it does.
class parked_producer final : public queue_waiter {
 public:
  parked_producer(work_queue_core& to, std::unique_ptr<queue_item> its, const boost::asio::any_io_executor& on)
      : queue_waiter(std::move(its)), wait(std::make_shared<detail::parked>(on)), to_(to) {}
  ~parked_producer() override { to_.abandon(*this); }
  parked_producer& operator=(parked_producer&&) = delete;

  void told() noexcept override { wait->wake(); }

  const std::shared_ptr<detail::parked> wait;

 private:
  work_queue_core& to_;
};

}  // namespace

task<result<std::size_t, not_queued>> detail::push(std::shared_ptr<work_queue_core> to, context with,
                                                   std::unique_ptr<queue_item> it) {
  parked_producer me(*to, std::move(it), co_await boost::asio::this_coro::executor);
  const time_point until = to->longest_wait_from(steady().now());
  if (auto at_once = to->begin(me, with)) co_return *std::move(at_once);
  {
    const stop_callback cut_short(with.forced_token(), [&] { to->give_up(me); });
    boost::system::error_code woken;
    co_await me.wait->until(until, boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  }
  co_return to->finish(me, with);
}

}  // namespace lastcall::inline v0::net
