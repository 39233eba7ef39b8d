// Early answers (413 to a body that is too large) reach clients that write all of their request first and read
// afterwards, over each transport, while the server serves and while it drains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lastcall/http/h2/h2_frames_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"
#include "tests/process/tls_clients.hpp"

namespace {

using namespace process_tests;
namespace h2 = lastcall::http::testing_h2;
using testing::HasSubstr;

constexpr std::size_t piece_bytes = 5000;
constexpr int pieces = 6;

/// One connection, plain or over TLS.
struct line {
  std::function<bool(std::string_view)> say;
  std::function<std::string()> hear_until_413, hear_all;
};

line plain_line(testbed& server) {
  const auto c = std::make_shared<raw_client>(lastcall::testing::parse_server_address(server.url()));
  const auto heard = std::make_shared<std::string>();
  return {.say = [c](std::string_view bytes) { return c->send(bytes); },
          .hear_until_413 =
              [c, heard] {
                for (std::string more; heard->find("body too large\n") == heard->npos; heard->append(more))
                  if ((more = c->read_some()).empty()) break;
                return *heard;
              },
          .hear_all = [c, heard] { return heard->append(c->read_to_end().bytes); }};
}

line tls_line(testbed& server, const tls_house& house, std::vector<std::string> alpn) {
  auto wish = house.wish();
  wish.alpn = std::move(alpn);
  const auto c = std::make_shared<tls_client>(tls_house::where(server), wish);
  EXPECT_TRUE(c->shake_hands());
  const auto heard = std::make_shared<std::string>();
  return {.say = [c](std::string_view bytes) { return c->say(bytes); },
          .hear_until_413 = [c, heard] { return heard->append(c->hear_until("body too large\n")); },
          .hear_all = [c, heard] { return heard->append(c->hear_all()); }};
}

struct transport {
  std::string name;
  bool tls, http2;
};

std::string head_of(const transport& by) {
  const std::size_t length = piece_bytes * pieces;
  if (!by.http2)
    return "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  const std::string block = h2::block({{":method", "POST"},
                                       {":scheme", by.tls ? "https" : "http"},
                                       {":path", "/request/x"},
                                       {":authority", "localhost"},
                                       {"content-length", std::to_string(length)}});
  return h2::preface + h2::settings() + h2::headers(1, block, h2::end_headers);
}
std::string piece_of(const transport& by, bool last) {
  const std::string bytes(piece_bytes, 'x');
  return by.http2 ? h2::data(1, bytes, last ? h2::end_stream : h2::no_flags) : bytes;
}

/// Its pieces come more slowly than the short time for which a farewell waits for a client that is silent.
void writes_first_and_is_answered(const transport& by, bool draining) {
  SCOPED_TRACE(by.name + (draining ? ", draining" : ", serving"));
  const tls_house house;
  testbed server(house.arguments({"--h2c", "--max-body", "1000", "--grace", "20s", "--jitter", "0s"}));
  const line c = by.tls ? tls_line(server, house, {by.http2 ? "h2" : "http/1.1"}) : plain_line(server);
  // Another request shows that the drain has begun, and holds it.
  raw_client other(lastcall::testing::parse_server_address(server.url()));
  other.send("GET /patient?ms=10000 HTTP/1.1\r\nHost: a\r\n\r\n");

  ASSERT_TRUE(c.say(head_of(by)));
  if (draining) {
    ASSERT_TRUE(server.process.signal(SIGTERM));
    EXPECT_THAT(other.read_reply().bytes, HasSubstr("draining"));
  }
  for (int i = 1; i <= pieces; ++i) {
    std::this_thread::sleep_for(200ms);  // the pace of the load
    EXPECT_TRUE(c.say(piece_of(by, i == pieces))) << "piece " << i;
  }
  EXPECT_THAT(c.hear_until_413(), HasSubstr("413 Content Too Large"));
  if (!draining) server.process.signal(SIGTERM);
  c.hear_all();
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_EQ(server.report().number("requests.forced"), 0);
}

TEST(early_answers, reach_a_client_that_writes_first_over_each_transport_also_in_a_drain) {
  std::vector<std::thread> clients;
  for (const transport& by : {transport{"HTTP/1.1", false, false}, transport{"HTTP/1.1 over TLS", true, false},
                              transport{"HTTP/2", false, true}, transport{"HTTP/2 over TLS", true, true}})
    for (const bool draining : {false, true})
      clients.emplace_back([by, draining] { writes_first_and_is_answered(by, draining); });
  for (auto& each : clients) each.join();
}

}  // namespace
