// An Asio and Beast server keeps its io_context and its sessions. Where it had a signal_set that called io.stop(),
// which answers nothing that is in flight, it has three components: the acceptor is emptied without loss, then the
// sessions are told and finish, then the io_context runs dry.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"
#include "session.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> serve(std::shared_ptr<session> one, lastcall::registry& sessions, std::string remote) {
  // Whoever comes late is told at once. The entry is our ticket: the registry has drained when the last is gone.
  const auto on = co_await asio::this_coro::executor;
  const auto entry = sessions.add({.label = "http",
                                   .remote = std::move(remote),
                                   .tell = [=](const lastcall::context&) { asio::post(on, [one] { one->end(); }); },
                                   .cut = [=] { asio::post(on, [one] { one->cut(); }); }});
  co_await one->serve();
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, lastcall::registry& sessions) {
  const auto on = co_await asio::this_coro::executor;
  asio::steady_timer pause(on);
  for (;;) {
    boost::system::error_code failed, unknown;
    tcp::socket accepted = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::invalid_argument) co_return;  // its listening has ended
    if (failed) {                                            // most likely out of descriptors
      pause.expires_after(10ms);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    const auto remote = accepted.remote_endpoint(unknown);
    std::string name = remote.address().to_string() + ":" + std::to_string(remote.port());
    auto one = std::make_shared<session>(std::move(accepted));
    asio::co_spawn(on, serve(std::move(one), sessions, std::move(name)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  lastcall::app app{{.grace = 20s}};
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8090);

  asio::io_context io(1);
  auto busy = asio::make_work_guard(io);
  tcp::acceptor acceptor(io);

  // It returns when nothing is left to do. No io.stop() in `force`: sessions that are cut need it to close.
  const auto runs = app.add("io_context", {.run = [&] { io.run(); }, .drain = [&] { busy.reset(); }});
  const auto sessions = app.add<lastcall::registry>("sessions", {}, {runs});
  app.add("acceptor",
          {.start =
               [&] {
                 acceptor = tcp::acceptor(io, {asio::ip::address_v4::loopback(), port});
                 std::printf("listening on http://127.0.0.1:%d\n", acceptor.local_endpoint().port());
                 std::fflush(stdout);
                 asio::co_spawn(io, accept_all(acceptor, *sessions), asio::detached);
               },
           .drain = lastcall::net::drain_of_listener([&] { return acceptor.native_handle(); })},
          {sessions});
  return app.run();
}
