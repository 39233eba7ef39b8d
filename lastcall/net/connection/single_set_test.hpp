// For tests: one connection_set on one loop, without a connection_server.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <utility>

#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::inline v0::testing_net {

/// One loop with one set. Each `connect` puts a line_connection into it.
struct single_set {
  explicit single_set(net::farewell_options f = {.idle_drain_after = std::chrono::milliseconds(30),
                                                 .linger = std::chrono::seconds(10),
                                                 .linger_acknowledged = std::chrono::milliseconds(20)},
                      duration words = {})
      : farewell(f), last_words(words) {
    threads.start({});
  }
  ~single_set() {
    on_loop([&] { set.force(); });
    threads.stop();
  }

  template <class F> void on_loop(F f) { EXPECT_TRUE(run_on(loop, f)); }
  /// Connects a client; its other end is in the set when this returns.
  std::unique_ptr<client> connect(int receive_buffer = 0) {
    auto c = std::make_unique<client>(listener_socket.local(), receive_buffer);
    EXPECT_EQ(c->error(), 0);
    pollfd ready{.fd = listener_socket.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    auto next = listener_socket.accept_one();
    EXPECT_TRUE(next.has_value());
    on_loop([&] {
      loop.refresh_now();
      set.adopt(std::make_unique<line_connection>(monitor, set, std::move(next->fd), next->remote));
    });
    return c;
  }
  void drain(duration budget = std::chrono::seconds(60)) {
    on_loop([&] { set.begin_drain(steady().now() + budget); });
  }
  /// The ledger, once `n` connections have ended.
  connection_ledger ended(std::size_t n) {
    EXPECT_TRUE(monitor.wait_for_ended(n));
    on_loop([] {});  // the set counts an end after on_end
    return numbers().ledger;
  }
  net::connection_numbers numbers() const {
    net::connection_numbers all;
    set.counts().add_to(all);
    return all;
  }
  net::connection_numbers::of_kind numbers(net::connection_kind kind) const {
    return numbers().kinds[static_cast<std::size_t>(kind)];
  }
  net::connection_state state_of_first() {
    net::connection_state is = net::connection_state::closed;
    on_loop([&] {
      monitor.change([&](line_monitor& m) {
        if (!m.open.empty()) is = m.open[0]->state();
      });
    });
    return is;
  }

  line_monitor monitor;
  net::runtime threads{{.threads = 1, .log = logger(log_level::none, nullptr)}};
  net::loop& loop = *net::detail::loops_of(threads)[0];
  net::farewell_options farewell;
  duration last_words;
  net::abnormal_ends abnormal{logger(log_level::none, nullptr), "test"};
  net::connection_set set{loop, farewell, abnormal, last_words};
  net::listener listener_socket{{.where = net::endpoint_of("127.0.0.1", 0)}};
};

}  // namespace lastcall::inline v0::testing_net
