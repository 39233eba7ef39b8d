#include "lastcall/http/detail/coroutines.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "lastcall/core/function.hpp"
#include "lastcall/http/detail/call.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_free = 256;  // more are at work at once only while handlers suspend
}

struct coroutines::shared {
  std::shared_ptr<const void> kept;
  std::vector<function<void(call*)>> free;  // last in, first out
  bool closed = false;

  void close() noexcept {
    closed = true;
    const auto gone = std::move(free);  // their frames hold us, too
  }

  static task<> work(std::shared_ptr<shared> all, call* first);
};

task<> coroutines::shared::work(std::shared_ptr<shared> all, call* first) {
  for (call* now = first; now != nullptr;) {
    co_await boost::asio::this_coro::reset_cancellation_state();
    if (now->makes_body()) {
      co_await now->run_maker();
    } else {
      try {
        now->answer_here(co_await now->run_handler());
      } catch (...) {
        now->answer_here(now->failed());
      }
    }
    now->release();
    if (all->closed || all->free.size() >= most_free) break;
    now = co_await boost::asio::async_initiate<const boost::asio::deferred_t&, void(call*)>(
        [&all](auto handler) { all->free.push_back(std::move(handler)); }, boost::asio::deferred);
  }
}

coroutines::coroutines(net::loop& on, std::shared_ptr<const void> kept)
    : loop_(on), shared_(std::make_shared<shared>()) {
  shared_->kept = std::move(kept);
}

coroutines::~coroutines() { shared_->close(); }

void coroutines::run(call& c) {
  c.acquire();
  if (shared_->free.empty())
    return boost::asio::co_spawn(loop_.io().get_executor(), shared::work(shared_, &c), boost::asio::detached);
  const function<void(call*)> next = std::move(shared_->free.back());
  shared_->free.pop_back();
  next(&c);
}

void coroutines::close_soon() noexcept {
  loop_.post([all = shared_] { all->close(); });
}

}  // namespace lastcall::inline v0::http::detail
