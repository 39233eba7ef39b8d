#include "session.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using namespace std::chrono_literals;

namespace {

constexpr auto idle_time = 60s;  // between two requests
constexpr auto silence = 1s;     // the same, once the end has come
constexpr auto farewell = 2s;    // from our end to the client's

}  // namespace

session::session(asio::ip::tcp::socket socket) : stream_(std::move(socket)), quiet_(stream_.get_executor()) {
  stream_.socket().set_option(asio::ip::tcp::no_delay(true));
}

asio::awaitable<void> session::serve() {
  const auto self = shared_from_this();
  beast::error_code failed;
  for (bool last = false; !last;) {
    if (!co_await wait_for_request()) break;
    http::request<http::string_body> req;
    stream_.expires_after(30s);
    co_await http::async_read(stream_, buffer_, req, redirect_error(use_awaitable, failed));
    if (failed == http::error::end_of_stream) break;
    if (failed) co_return;

    if (req.target() == "/slow") {
      asio::steady_timer slow(stream_.get_executor(), 300ms);
      co_await slow.async_wait(use_awaitable);
    }
    http::response<http::string_body> res(http::status::ok, req.version());
    res.body() = "hello\n";
    last = ending_ || !req.keep_alive();  // before: !req.keep_alive()
    res.keep_alive(!last);
    res.prepare_payload();
    co_await http::async_write(stream_, res, redirect_error(use_awaitable, failed));
    if (failed) co_return;
  }
  co_await say_goodbye();
}

void session::end() {
  ending_ = true;
  if (waiting_) watch_silence();
}

void session::cut() { stream_.close(); }

void session::watch_silence() {
  quiet_.expires_at(silent_since_ + (ending_ ? silence : idle_time));
  quiet_.async_wait([self = shared_from_this()](beast::error_code aborted) {
    if (!aborted && self->waiting_) self->stream_.socket().cancel();
  });
}

/// False: none came for too long.
asio::awaitable<bool> session::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  silent_since_ = std::chrono::steady_clock::now();
  waiting_ = true;
  watch_silence();
  beast::error_code silent;
  co_await stream_.socket().async_wait(asio::ip::tcp::socket::wait_read, redirect_error(use_awaitable, silent));
  waiting_ = false;
  quiet_.cancel();
  co_return !silent;
}

// Closed while the client still sends, the connection would be reset, and that can destroy our response on its way.
asio::awaitable<void> session::say_goodbye() {
  beast::error_code ignored, failed;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(farewell);
  char rest[1024];
  while (!failed) co_await stream_.async_read_some(asio::buffer(rest), redirect_error(use_awaitable, failed));
}
