#include "lastcall/net/wait.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "lastcall/net/parked.hpp"

namespace lastcall::inline v0::net {

namespace {

task<bool> wait(context with, stop_token end, duration time, std::source_location at) {
  if (end.stop_requested()) co_return false;
  const waiting here(with, "time to pass", at);
  const auto it = std::make_shared<detail::parked>(co_await boost::asio::this_coro::executor);
  const time_point by = lastcall::detail::later(steady().now(), time);
  const stop_callback cut_short(end, [&] { it->wake(); });
  boost::system::error_code woken;
  co_await it->until(by, boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  co_return !woken && !end.stop_requested();
}

}  // namespace

task<bool> wait_for(const context& until, duration time, std::source_location at) {
  return wait(until, until.draining_token(), time, at);
}
task<bool> wait_until_forced_for(const context& until, duration time, std::source_location at) {
  return wait(until, until.forced_token(), time, at);
}

}  // namespace lastcall::inline v0::net
