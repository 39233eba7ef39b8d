#include "lastcall/adapters/kafka/async_producer.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "lastcall/adapters/kafka/producer_core.hpp"
#include "lastcall/net/parked.hpp"

namespace lastcall::inline v0::kafka {

namespace {

/// The coroutine that waits. It may be destroyed while it does.
struct parked_sender final : detail::sender {
  parked_sender(std::shared_ptr<detail::producer_core> in, record&& its, bool delivery,
                const boost::asio::any_io_executor& on)
      : sender(std::move(its), delivery), wait(std::make_shared<net::detail::parked>(on)), core(std::move(in)) {}
  ~parked_sender() override { core->abandon(*this); }
  parked_sender& operator=(parked_sender&&) = delete;

  void told() noexcept override { wait->wake(); }

  const std::shared_ptr<net::detail::parked> wait;
  const std::shared_ptr<detail::producer_core> core;  // the producer may end while this waits
};

task<> wait_for(parked_sender& me, const context& with) {
  const time_point until = me.core->longest_wait_from(steady().now(), me.wants_delivery);
  if (me.core->begin(me, with)) co_return;
  {
    const stop_callback cut_short(with.forced_token(), [&] { me.core->give_up(me); });
    boost::system::error_code woken;
    co_await me.wait->until(until, boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  }
  me.core->finish(me, with);
}

}  // namespace

task<result<std::size_t, not_sent>> push(producer& to, context with, record it) {
  auto core = detail::producer_access::core_of(to);
  parked_sender me(std::move(core), std::move(it), false, co_await boost::asio::this_coro::executor);
  co_await wait_for(me, with);
  co_return detail::outcome_of(me, me.ahead);
}

task<result<delivered, not_sent>> send(producer& to, context with, record it) {
  auto core = detail::producer_access::core_of(to);
  parked_sender me(std::move(core), std::move(it), true, co_await boost::asio::this_coro::executor);
  co_await wait_for(me, with);
  co_return detail::outcome_of(me, me.where);
}

}  // namespace lastcall::inline v0::kafka
