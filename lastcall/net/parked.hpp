// A coroutine that waits until another thread wakes it, or a moment has come. What it waits for is its owner's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net::detail {

class parked {
 public:
  explicit parked(const boost::asio::any_io_executor& on) : timer_(std::make_shared<boost::asio::steady_timer>(on)) {}

  /// Threads: any. The timer belongs to the thread of its executor. Shared: what is posted may run after the wait.
  void wake() const noexcept {
    boost::asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
  }
  task<> wait_until(time_point end) const {
    boost::system::error_code cancelled;
    timer_->expires_at(end);
    co_await timer_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }

 private:
  const std::shared_ptr<boost::asio::steady_timer> timer_;
};

}  // namespace lastcall::inline v0::net::detail
