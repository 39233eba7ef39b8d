// A connection of an Asio and Beast program, as its examples have it, and what was added: two ways to tell it that the
// end has come.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <memory>

/// Threads: that of its io_context, which has one.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(boost::asio::ip::tcp::socket socket);

  /// Reads requests and answers them until the client leaves, is silent for too long, or the end has come.
  boost::asio::awaitable<void> serve();

  /// The next response is the last, and says so. Who asks for none is let go once it was silent for a second: a request
  /// may be on its way, and closing at once would lose it.
  void end();
  void cut();

 private:
  void watch_silence();
  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<void> say_goodbye();

  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer quiet_;
  std::chrono::steady_clock::time_point silent_since_{};
  bool waiting_ = false;
  bool ending_ = false;
};
