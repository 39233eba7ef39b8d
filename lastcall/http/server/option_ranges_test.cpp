// Every option of every room that is a time or a number, at and beyond its bounds: what is too much is refused by its
// name when the program starts, and no sum overflows.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "lastcall/core/app/count_members_test.hpp"
#include "lastcall/core/app/settings.hpp"
#include "lastcall/http/files/file.hpp"
#include "lastcall/http/message/cookies.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/server/admin.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/http/ws/websocket_group.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::http::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// One option: `refused` returns what the error says, or "accepted".
template <class V> struct option {
  std::string part, name;
  V least, most;
  std::function<void(V)> use;
};
using times = std::vector<option<duration>>;
using numbers = std::vector<option<std::uint64_t>>;

net::runtime& on() {
  static net::runtime one({.threads = 1, .log = logger(log_level::none, nullptr)});
  return one;
}
const logger silent(log_level::none, nullptr);

/// A setter for each option that a struct has, behind what checks it.
template <class O, class V, class Check> std::function<void(V)> with(V O::* member, Check check) {
  return [member, check](V value) {
    O o{};
    o.*member = value;
    check(std::move(o));
  };
}
template <class O, class I, class Check> std::function<void(std::uint64_t)> number_of(I O::* member, Check check) {
  return [member, check](std::uint64_t value) {
    O o{};
    o.*member = static_cast<I>(value);
    check(std::move(o));
  };
}

void check_server(server_options o) {
  o.address = "127.0.0.1";
  o.port = 0;
  server made(std::move(o), on(), silent);
}
void check_limits(limits l) {
  server_options o;
  o.limits = l;
  check_server(std::move(o));
}
void check_tcp(net::tcp_server_options o) {
  o.handler = [](net::tcp_stream) -> task<> { co_return; };
  net::tcp_server made(std::move(o), on(), silent);
}
void check_session(net::session_limits l) {
  net::tcp_server_options o;
  o.limits = l;
  check_tcp(std::move(o));
}
void check_connections(net::connection_server_options o) {
  net::connection_server made(std::move(o), on(), [](net::arrival) -> std::unique_ptr<net::connection> { return {}; });
}
void check_farewell(net::farewell_options f) {
  net::connection_server_options o;
  o.farewell = f;
  check_connections(std::move(o));
}
void check_listen(net::listen_options l) {
  server_options o;
  o.listen = l;
  check_server(std::move(o));
  net::tcp_server_options t;
  t.listen = l;
  check_tcp(std::move(t));
}
void check_listener(net::listener_options l) {
  net::connection_server_options o;
  o.listeners.push_back(std::move(l));
  check_connections(std::move(o));
}
void check_tls(net::tls_options o) { net::tls_context made(std::move(o), "http", silent); }
void check_pool(net::thread_pool_options o) { net::thread_pool made(o); }
void check_runtime(net::runtime_options o) { net::runtime made(std::move(o)); }
void check_websocket(ws::stream_options o) {
  router r;
  r.websocket("/", [](ws::stream) -> task<> { co_return; }, std::move(o));
}
void check_group(ws::group_options o) { ws::group made(o); }
void check_events(sse::stream_options o) {
  router r;
  r.events("/", [](sse::stream) -> task<> { co_return; }, o);
}
void check_app(app_options o) {
  if (o.grace == app_options().grace) o.grace = 24h;
  if (!o.reserve) o.reserve = 0s;
  resolve(o, {});
}

constexpr duration no_time = 0s, a_bit = 1ns, a_day = 24h;
constexpr std::uint64_t tib = std::uint64_t{1} << 40, many = 1'000'000'000;
constexpr std::uint64_t most_int = std::numeric_limits<int>::max();

times all_times() {
  return {
      {"app_options", "grace", a_bit, a_day, with(&app_options::grace, check_app)},
      {"app_options", "reserve", no_time, a_day - a_bit, [](duration v) { check_app({.reserve = v}); }},
      {"app_options", "readiness delay", no_time, a_day - a_bit, with(&app_options::readiness_delay, check_app)},
      {"app_options", "start timeout", a_bit, a_day, [](duration v) { check_app({.start_timeout = v}); }},
      {"app_options", "kill", a_day + a_bit, duration::max(), [](duration v) { check_app({.kill_after = v}); }},
      {"limits", "head_time", a_bit, a_day, with(&limits::head_time, check_limits)},
      {"limits", "body_time", a_bit, a_day, with(&limits::body_time, check_limits)},
      {"limits", "idle_close_after", a_bit, a_day, with(&limits::idle_close_after, check_limits)},
      {"limits", "write_time", a_bit, a_day, with(&limits::write_time, check_limits)},
      {"server_options", "idle_drain_after", no_time, a_day, with(&server_options::idle_drain_after, check_server)},
      {"server_options", "linger", no_time, a_day, with(&server_options::linger, check_server)},
      {"server_options", "linger_sending", no_time, a_day, with(&server_options::linger_sending, check_server)},
      {"server_options", "jitter", no_time, a_day, with(&server_options::jitter, check_server)},
      {"tcp_server_options", "linger", no_time, a_day, with(&net::tcp_server_options::linger, check_tcp)},
      {"tcp_server_options", "linger_sending", no_time, a_day,
       with(&net::tcp_server_options::linger_sending, check_tcp)},
      {"tcp_server_options", "idle_drain_after", no_time, a_day,
       with(&net::tcp_server_options::idle_drain_after, check_tcp)},
      {"tcp_server_options", "jitter", no_time, a_day, with(&net::tcp_server_options::jitter, check_tcp)},
      {"session_limits", "idle_close_after", no_time, a_day,
       with(&net::session_limits::idle_close_after, check_session)},
      {"session_limits", "write_time", a_bit, a_day, with(&net::session_limits::write_time, check_session)},
      {"session_limits", "goodbye_time", no_time, a_day, with(&net::session_limits::goodbye_time, check_session)},
      {"farewell_options", "idle_drain_after", no_time, a_day,
       with(&net::farewell_options::idle_drain_after, check_farewell)},
      {"farewell_options", "linger", no_time, a_day, with(&net::farewell_options::linger, check_farewell)},
      {"farewell_options", "linger_sending", no_time, a_day,
       with(&net::farewell_options::linger_sending, check_farewell)},
      {"farewell_options", "linger_acknowledged", no_time, a_day,
       with(&net::farewell_options::linger_acknowledged, check_farewell)},
      {"farewell_options", "jitter", no_time, a_day, with(&net::farewell_options::jitter, check_farewell)},
      {"connection_server_options", "last_words", no_time, a_day,
       with(&net::connection_server_options::last_words, check_connections)},
      {"tls_options", "handshake_time", a_bit, a_day, with(&net::tls_options::handshake_time, check_tls)},
      {"tls_options", "ticket_key_time", 1s, a_day, with(&net::tls_options::ticket_key_time, check_tls)},
      {"ws::stream_options", "idle_ping_after", no_time, a_day,
       with(&ws::stream_options::idle_ping_after, check_websocket)},
      {"ws::stream_options", "pong_time", a_bit, a_day, with(&ws::stream_options::pong_time, check_websocket)},
      {"ws::stream_options", "write_time", a_bit, a_day, with(&ws::stream_options::write_time, check_websocket)},
      {"ws::stream_options", "goodbye_time", no_time, a_day, with(&ws::stream_options::goodbye_time, check_websocket)},
      {"sse::stream_options", "idle_ping_after", no_time, a_day,
       with(&sse::stream_options::idle_ping_after, check_events)},
      {"route_options", "timeout", a_bit, a_day, [](duration v) { static_cast<void>(http::timeout(v)); }},
      {"sse::stream_options", "retry", no_time, a_day, with(&sse::stream_options::retry, check_events)},
      {"sse::stream_options", "retry_spread", no_time, a_day, with(&sse::stream_options::retry_spread, check_events)},
  };
}

numbers all_numbers() {
  using net::connection_server_options;
  using net::tcp_server_options;
  return {
      {"limits", "head_bytes", 64, 1024 * 1024, number_of(&limits::head_bytes, check_limits)},
      {"limits", "header_count", 1, 10'000, number_of(&limits::header_count, check_limits)},
      {"limits", "body_bytes", 0, tib, number_of(&limits::body_bytes, check_limits)},
      {"limits", "max_connections", 0, many, number_of(&limits::max_connections, check_limits)},
      {"limits", "max_connections_per_address", 0, many, number_of(&limits::max_connections_per_address, check_limits)},
      {"limits", "max_streams", 1, 10'000, number_of(&limits::max_streams, check_limits)},
      {"listen_options", "backlog", 1, most_int, number_of(&net::listen_options::backlog, check_listen)},
      {"tcp_server_options", "max_connections", 0, many, number_of(&tcp_server_options::max_connections, check_tcp)},
      {"tcp_server_options", "max_connections_per_address", 0, many,
       number_of(&tcp_server_options::max_connections_per_address, check_tcp)},
      {"session_limits", "input_bytes", 1, tib, number_of(&net::session_limits::input_bytes, check_session)},
      {"session_limits", "output_bytes", 1, tib, number_of(&net::session_limits::output_bytes, check_session)},
      {"connection_server_options", "max_connections", 0, many,
       number_of(&connection_server_options::max_connections, check_connections)},
      {"connection_server_options", "max_connections_per_address", 0, many,
       number_of(&connection_server_options::max_connections_per_address, check_connections)},
      {"listener_options", "backlog", 1, most_int, number_of(&net::listener_options::backlog, check_listener)},
      {"thread_pool_options", "threads", 1, 4096, number_of(&net::thread_pool_options::threads, check_pool)},
      {"thread_pool_options", "queue", 0, many, number_of(&net::thread_pool_options::queue, check_pool)},
      {"runtime_options", "threads", 0, 1024, number_of(&net::runtime_options::threads, check_runtime)},
      {"ws::stream_options", "max_message_bytes", 1, tib,
       number_of(&ws::stream_options::max_message_bytes, check_websocket)},
      {"ws::stream_options", "input_bytes", 1, tib, number_of(&ws::stream_options::input_bytes, check_websocket)},
      {"ws::stream_options", "output_bytes", 1, tib, number_of(&ws::stream_options::output_bytes, check_websocket)},
      {"ws::group_options", "member_bytes", 1, tib, number_of(&ws::group_options::member_bytes, check_group)},
      {"ws::group_options", "queue_bytes", 1, tib, number_of(&ws::group_options::queue_bytes, check_group)},
      {"route_options", "max_body", 0, UINT64_MAX,
       [](std::uint64_t v) { handler([](const request&) { return text(""); }).max_body(v); }},
  };
}

template <class V> bool is_refused(const option<V>& o, V value) {
  try {
    o.use(value);
  } catch (const std::invalid_argument& e) {
    // Another error, such as a missing certificate, comes only when the times and numbers are sound.
    return std::string_view(e.what()).find(o.name) != std::string_view::npos;
  } catch (const std::system_error&) {  // no descriptors for so many
  }
  return false;
}

template <class V> void holds_its_bounds(const option<V>& o, const std::vector<V>& tried) {
  SCOPED_TRACE(o.part + "." + o.name);
  for (const V value : tried) {
    const bool sound = value >= o.least && value <= o.most;
    if constexpr (std::is_same_v<V, duration>) {
      EXPECT_EQ(is_refused(o, value), !sound) << lastcall::to_text(value);
    } else {
      EXPECT_EQ(is_refused(o, value), !sound) << value;
    }
  }
}

TEST(option_ranges, hold_for_every_time_and_number_of_every_room) {
  std::set<std::string> parts;
  std::size_t fields = 0;
  for (const auto& o : all_times()) {
    holds_its_bounds<duration>(
        o, {duration::min(), -1s, -1ns, 0s, 1ns, o.least, o.least > 0s ? o.least - 1ns : o.least, o.most,
            o.most < duration::max() ? o.most + 1ns : o.most, duration::max() - 1ns, duration::max()});
    parts.insert(o.part);
    ++fields;
  }
  for (const auto& o : all_numbers()) {
    const bool is_int = o.most == most_int, is_unsigned = o.name == "threads";
    const std::uint64_t largest = is_int        ? most_int
                                  : is_unsigned ? std::numeric_limits<unsigned>::max()
                                                : std::numeric_limits<std::uint64_t>::max();
    std::vector<std::uint64_t> tried = {0, 1, o.least, o.most, largest - 1, largest};
    if (o.least > 0) tried.push_back(o.least - 1);
    if (o.most < largest) tried.push_back(o.most + 1);
    if (is_int) tried.push_back(std::uint64_t{1} << 31);  // the least int
    holds_its_bounds<std::uint64_t>(o, tried);
    parts.insert(o.part);
    ++fields;
  }
  std::cout << "checked " << parts.size() << " structs, " << fields << " fields\n";
}

/// One that is new must be in the tables above, or be neither a time nor a number.
TEST(option_ranges, know_all_members_of_all_options) {
  EXPECT_EQ(members<app_options>(), 18u);  // 4 above
  EXPECT_EQ(members<limits>(), 10u);       // all
  EXPECT_EQ(members<server_options>(), 25u);
  EXPECT_EQ(members<net::tcp_server_options>(), 18u);
  EXPECT_EQ(members<net::session_limits>(), 5u);
  EXPECT_EQ(members<net::farewell_options>(), 5u);
  EXPECT_EQ(members<net::connection_server_options>(), 12u);
  EXPECT_EQ(members<net::listen_options>(), 5u);  // unix_mode and inherited_fd: listen_options_test
  EXPECT_EQ(members<net::listener_options>(), 9u);
  EXPECT_EQ(members<net::tls_options>(), 9u);
  EXPECT_EQ(members<net::thread_pool_options>(), 2u);
  EXPECT_EQ(members<net::runtime_options>(), 3u);
  EXPECT_EQ(members<ws::stream_options>(), 10u);
  EXPECT_EQ(members<ws::group_options>(), 3u);
  EXPECT_EQ(members<sse::stream_options>(), 3u);
  EXPECT_EQ(members<route_options>(), 4u);
  EXPECT_EQ(members<admin_options>(), 4u);   // none: a port has all its values
  EXPECT_EQ(members<file_options>(), 1u);    // none
  EXPECT_EQ(members<cookie_options>(), 6u);  // none: what max_age has below 1 removes the cookie
}

}  // namespace lastcall::http::option_ranges_test
