#include "lastcall/net/wait.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace lastcall::inline v0::net {

namespace {

task<bool> wait(context with, stop_token end, duration time, std::source_location at) {
  if (end.stop_requested()) co_return false;
  const waiting here(with, "time to pass", at);
  // Shared: what is posted may run after the wait.
  const auto timer = std::make_shared<boost::asio::steady_timer>(co_await boost::asio::this_coro::executor);
  timer->expires_at(lastcall::detail::later(steady().now(), time));
  // The timer belongs to the thread of its executor, so the end of the context is posted there.
  const stop_callback cut_short(end,
                                [timer] { boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); }); });
  boost::system::error_code cancelled;
  co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  co_return !cancelled && !end.stop_requested();
}

}  // namespace

task<bool> wait_for(const context& until, duration time, std::source_location at) {
  return wait(until, until.draining_token(), time, at);
}
task<bool> wait_until_forced_for(const context& until, duration time, std::source_location at) {
  return wait(until, until.forced_token(), time, at);
}

}  // namespace lastcall::inline v0::net
