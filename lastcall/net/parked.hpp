// A coroutine that waits until another thread wakes it, or a moment has come. What it waits for is its owner's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <utility>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net::detail {

/// One wait, which another thread may end also before it has begun: an executor with several threads may run what is
/// posted first.   Ownership: a shared_ptr, since what is posted may also run after the wait.
class parked : public std::enable_shared_from_this<parked> {
 public:
  explicit parked(const boost::asio::any_io_executor& on) : timer_(on) {}

  /// Threads: any, while the executor lives.
  void wake() noexcept {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
      const std::lock_guard held(self->mutex_);
      self->is_over_ = true;
      self->timer_.cancel();
    });
  }
  /// Completes at `end`, or once it was woken, whatever its error code says.
  template <class Token> auto until(time_point end, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
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
  boost::asio::steady_timer timer_;
  bool is_over_ = false;
};

}  // namespace lastcall::inline v0::net::detail
