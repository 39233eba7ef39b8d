// WebSockets when the server is told to stop, counted from the other side: by our own clients and by foreign ones.
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing/internal/websocket_crowd.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::time_point;
using lastcall::testing::websocket_crowd;
using lastcall::testing::websocket_end;

lastcall::testing::server_address address_of(const testbed& t) {
  return lastcall::testing::parse_server_address(t.url());
}

std::size_t crowd_size() { return long_run() ? 5000 : 500; }

long resident_kib(pid_t of) {
  std::ifstream status("/proc/" + std::to_string(of) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  return -1;
}

/// Where the report has what the server says of itself.
std::string fields_of_http(const document& report) {
  for (std::size_t i = 0; i < report.size("components"); ++i)
    if (report.text("components." + std::to_string(i) + ".name") == "http")
      return "components." + std::to_string(i) + ".fields.";
  throw std::out_of_range("no http in the report");
}

/// "52 48 …" as parts of the whole.
std::vector<double> parts_of(const std::string& curve) {
  std::istringstream in(curve);
  std::vector<double> all;
  for (double each; in >> each;) all.push_back(each);
  const double sum = std::accumulate(all.begin(), all.end(), 0.0);
  for (double& each : all) each /= sum;
  return all;
}

/// When the Closes came, in tenths of the window.
std::vector<double> arrivals(const std::vector<websocket_end>& ends, lastcall::duration window) {
  time_point first = time_point::max();
  for (const auto& e : ends) first = std::min(first, e.close_at);
  std::vector<double> all(10, 0.0);
  for (const auto& e : ends)
    all[static_cast<std::size_t>(std::clamp<long>((e.close_at - first) * 10 / window, 0, 9))] +=
        1.0 / static_cast<double>(ends.size());
  return all;
}

/// Whether each had a moment of its own in the window, and the exit came behind it. All else must hold each time.
bool each_of_a_crowd_is_told_in_its_moment() {
  lastcall::testing::raise_descriptor_limit();
  testbed server({"--jitter", "1s"});
  const std::size_t n = crowd_size();
  {
    websocket_crowd few(address_of(server), {.connections = 20});  // what a server keeps once it has served
    EXPECT_TRUE(few.open(deadline(30s)));
    EXPECT_TRUE(few.converse(1, {}, deadline(30s)));
  }
  const long before = resident_kib(server.process.pid());
  websocket_crowd crowd(address_of(server), {.connections = n});
  EXPECT_TRUE(crowd.open(deadline(60s)));
  EXPECT_TRUE(crowd.converse(2, {}, deadline(60s)));
  const double kib_each = static_cast<double>(resident_kib(server.process.pid()) - before) / static_cast<double>(n);
  testing::Test::RecordProperty("kib_for_each_idle_websocket", std::to_string(kib_each));
  std::printf("%zu idle WebSockets: %.2f KiB each\n", n, kib_each);
  if (!sanitized) {
    EXPECT_LE(kib_each, 10.0);
  }

  const time_point told = std::chrono::steady_clock::now();
  server.process.signal(SIGTERM);
  EXPECT_TRUE(crowd.wait_for_ends(deadline(30s))) << crowd.left() << " are left";
  const auto exit = server.wait();
  const auto took = std::chrono::steady_clock::now() - told;
  EXPECT_EQ(exit, exit_status{.code = 0}) << server.process.errors();
  std::printf("exit after %.3f s\n", std::chrono::duration<double>(took).count());
  const auto broken = std::count_if(crowd.ends().begin(), crowd.ends().end(), [](const websocket_end& e) {
    return e.code != 1001 || !e.fin || e.reset || e.wrong || e.echoed != 2;
  });
  EXPECT_EQ(broken, 0) << "of " << n;
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.closed_clean"), static_cast<double>(n));
  const std::string curve = report.text(fields_of_http(report) + "told_curve");
  std::printf("told: %s\n", curve.c_str());
  const double least = long_run() ? 0.05 : 0.03, most = long_run() ? 0.15 : 0.17;
  const auto told_parts = parts_of(curve);
  EXPECT_EQ(told_parts.size(), 10U);
  if (sanitized) return true;
  bool in_its_moment = took <= 1s + (long_run() ? 200ms : 600ms);
  for (const double part : told_parts) in_its_moment = in_its_moment && part >= least && part <= most;
  for (const double part : arrivals(crowd.ends(), 1s)) std::printf("%.3f ", part);
  std::printf("of the Closes came in each tenth\n");
  for (const double part : arrivals(crowd.ends(), 1s))
    in_its_moment = in_its_moment && part >= (long_run() ? 0.04 : 0.01) && part <= (long_run() ? 0.16 : 0.25);
  return in_its_moment;
}

TEST(websocket, each_of_a_crowd_sees_1001_in_its_moment_and_a_finished_handshake) {
  EXPECT_TRUE(lastcall::median_says(each_of_a_crowd_is_told_in_its_moment));
}

TEST(websocket, loses_no_message_of_clients_that_talk_all_the_time) {
  for (int run = 0; run < runs(20, 2); ++run) {
    testbed server({"--jitter", "300ms"});
    websocket_crowd crowd(address_of(server), {.connections = 100});
    ASSERT_TRUE(crowd.open(deadline(60s)));
    ASSERT_TRUE(crowd.converse(3, {}, deadline(60s)));
    server.process.signal(SIGTERM);
    ASSERT_TRUE(crowd.converse(1'000'000, 1ms, deadline(30s))) << "until the server says Close";
    ASSERT_TRUE(crowd.wait_for_ends(deadline(30s)));
    EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
    std::uint64_t crossed = 0;
    for (const auto& e : crowd.ends()) {
      EXPECT_EQ(e.code, 1001);
      EXPECT_TRUE(e.fin && !e.reset && !e.wrong);
      EXPECT_LE(e.sent - e.echoed, 1U);
      crossed += e.sent - e.echoed;
    }
    const document report = server.report();
    expect_ledgers_add_up(report);
    // What was not echoed crossed our Close on the wire, and is counted.
    EXPECT_EQ(report.number(fields_of_http(report) + "messages_after_close"), static_cast<double>(crossed));
  }
}

TEST(websocket, waits_for_clients_that_never_answer_only_as_long_as_their_bound) {
  testbed server({"--jitter", "200ms"});
  websocket_crowd hung(address_of(server), {.connections = 30, .answers_close = false});
  websocket_crowd sound(address_of(server), {.connections = 30});
  ASSERT_TRUE(hung.open(deadline(60s)));
  ASSERT_TRUE(sound.open(deadline(60s)));
  const auto told = std::chrono::steady_clock::now();
  server.process.signal(SIGTERM);
  ASSERT_TRUE(sound.wait_for_ends(deadline(30s)));
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const auto took = std::chrono::steady_clock::now() - told;
  EXPECT_GE(took, 3s) << "goodbye_time";
  if (!sanitized) {
    EXPECT_LE(took, 6s);
  }
  ASSERT_TRUE(hung.wait_for_ends(deadline(30s)));
  for (const auto& e : hung.ends()) EXPECT_EQ(e.code, 1001);
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.timed_out"), 30.0);
  EXPECT_EQ(report.number("connections.closed_clean"), 30.0);
  EXPECT_EQ(report.number(fields_of_http(report) + "websockets_never_answered_close"), 30.0);
}

TEST(websocket, has_a_crowd_that_is_cut_at_once_see_it) {
  testbed server({"--stop", "close"});
  websocket_crowd crowd(address_of(server), {.connections = 20});
  ASSERT_TRUE(crowd.open(deadline(60s)));
  server.process.signal(SIGTERM);
  ASSERT_TRUE(crowd.wait_for_ends(deadline(30s)));
  const auto exit = server.wait();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 3);
}

TEST(websocket, has_everybody_in_a_chat_hear_what_anybody_says) {
  child_process chat({program("chat")});  // on port 8083, as its source says
  const auto where = lastcall::testing::parse_server_address("http://127.0.0.1:8083");
  const auto ask = [&](const std::string& request) {
    for (const auto by = std::chrono::steady_clock::now() + 30s;;) try {
        return raw_client(where, request);
      } catch (const std::system_error&) {
        if (std::chrono::steady_clock::now() > by) throw;
        std::this_thread::sleep_for(10ms);
      }
  };
  const auto page = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_reply().bytes;
  EXPECT_NE(page.find("new WebSocket"), page.npos) << page;

  const std::string handshake =
      "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  auto one = ask(handshake), other = ask(handshake);
  one.read_head();
  other.read_head();
  const std::string hello("\x81\x85\0\0\0\0hello", 11), close("\x88\x82\0\0\0\0\x03\xe9", 8);
  ASSERT_TRUE(other.send(hello));  // both are members by the time that anybody hears it, or hear the next
  std::string heard;
  while (heard.find(": hello") == heard.npos) {
    ASSERT_TRUE(one.send(hello));
    const auto some = other.read_some();
    ASSERT_FALSE(some.empty());
    heard += some;
  }
  chat.signal(SIGTERM);
  ASSERT_TRUE(one.send(close) && other.send(close));
  EXPECT_EQ(one.read_to_end().how, raw_client::ended::fin);
  EXPECT_EQ(other.read_to_end().how, raw_client::ended::fin);
  one.close();
  other.close();
  EXPECT_EQ(chat.wait(deadline(30s)), exit_status{.code = 0}) << chat.errors();
}

/// Says each line when it is so: "open", "echoed", then "CODE REASON" for each connection.
constexpr const char* python_client = R"(
import asyncio, sys, websockets
async def one(uri, opened):
    async with websockets.connect(uri) as ws:
        for said in ("text", "h\u00e9llo", b"\x00\xff", "x" * 200000):
            await ws.send(said)
            if await ws.recv() != said: sys.exit("no echo")
        await ws.send(["frag", "men", "ted"])
        if await ws.recv() != "fragmented": sys.exit("no echo of fragments")
        await (await ws.ping())
        opened.append(1)
        if len(opened) == 20: print("echoed", flush=True)
        await ws.wait_closed()
        print(ws.close_code, flush=True)
async def main():
    opened = []
    await asyncio.gather(*(one(sys.argv[1], opened) for _ in range(20)))
asyncio.run(asyncio.wait_for(main(), 60))
)";

constexpr const char* node_client = R"(
const WebSocket = require('ws');
let opened = 0, closed = 0;
for (let i = 0; i < 20; ++i) {
  const ws = new WebSocket(process.argv[1], {perMessageDeflate: true});
  ws.on('open', () => { ws.send('fragmen', {fin: false}); ws.send('ted', {fin: true}); ws.ping('p'); });
  ws.on('message', (data, binary) => {
    if (binary || data.toString() !== 'fragmented') { console.log('no echo'); process.exit(1); }
    if (++opened === 20) console.log('echoed');
  });
  ws.on('error', e => { console.log('error ' + e); process.exit(1); });
  ws.on('close', code => { console.log(String(code)); if (++closed === 20) process.exit(0); });
}
)";

void converse_with(const std::vector<std::string>& client_command) {
  testbed server({"--jitter", "300ms"});
  const std::string url = "ws" + server.url().substr(4) + "/ws";
  auto command = client_command;
  command.push_back(url);
  child_process client(command);
  ASSERT_TRUE(client.wait_for_line("echoed", deadline(60s))) << client.output() << client.errors();
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  ASSERT_TRUE(client.wait(deadline(60s)));
  std::size_t seen = 0;
  const std::string output = client.output();
  for (std::size_t at = 0; (at = output.find("1001\n", at)) != output.npos; ++at) ++seen;
  EXPECT_EQ(seen, 20U) << output << client.errors();
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.closed_clean"), 20.0);
}

TEST(websocket, converses_with_foreign_clients_and_says_1001_to_them) {
  converse_with({"/usr/bin/python3", "-c", python_client});
  // Debian's node-ws, with the fragments, pings and offered extensions of another author.
  if (long_run()) converse_with({"/usr/bin/env", "NODE_PATH=/usr/share/nodejs", "node", "-e", node_client});
}

}  // namespace
