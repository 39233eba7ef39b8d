#include "waits.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

namespace testbed {

namespace {

struct wait : std::enable_shared_from_this<wait> {
  wait(const boost::asio::any_io_executor& executor, lastcall::http::responder r)
      : timer(executor), reply(std::move(r)) {}

  boost::asio::steady_timer timer;
  lastcall::http::responder reply;
  std::optional<std::stop_callback<std::function<void()>>> cut_short;
};

}  // namespace

void answer_after(lastcall::net::runtime& on, lastcall::duration time, std::stop_token until,
                  lastcall::http::responder reply, lastcall::http::response in_time, lastcall::http::response early) {
  const auto w = std::make_shared<wait>(on.executor(), std::move(reply));
  w->timer.expires_after(time);
  w->timer.async_wait(
      [w, in_time = std::move(in_time), early = std::move(early)](const boost::system::error_code& cancelled) {
        w->cut_short.reset();
        w->reply.send(cancelled ? early : in_time);
      });
  // The timer is its own thread's, so the cancellation goes there first.
  w->cut_short.emplace(std::move(until), [weak = w->weak_from_this(), executor = w->timer.get_executor()] {
    boost::asio::post(executor, [weak] {
      if (const auto alive = weak.lock()) alive->timer.cancel();
    });
  });
}

}  // namespace testbed
