// The server over TLS: requests and bodies in any number of records.
#include <gmock/gmock.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/server/tls_serving_test.hpp"

namespace lastcall::http::tls_transfer_test {

using namespace std::chrono_literals;
using ::testing::StartsWith;
using testing_tls::many_bytes;

struct tls_transfer : testing_tls::tls_serving {};

TEST_F(tls_transfer, takes_some_key_updates_and_ends_a_flood_of_them) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  for (int i = 0; i < 50; ++i) {
    SSL_key_update(c.ssl(), SSL_KEY_UPDATE_REQUESTED);
    c.say(request_for("/"));
    ASSERT_EQ(next_reply(c).body, "secure\n") << i;
  }
  for (int i = 0; i < 40; ++i) {
    SSL_key_update(c.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    if (!c.shake_hands()) break;
  }
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "");
}

TEST_F(tls_transfer, answers_a_pipeline_that_comes_in_one_record_or_in_many) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  std::string all;
  for (int i = 0; i < 400; ++i) all += request_for("/", "X-Filler: " + std::string(200, 'f') + "\r\n");
  std::thread writer([&] { c.say(all); });
  writer.join();
  for (int i = 0; i < 400; ++i) ASSERT_EQ(next_reply(c).body, "secure\n") << i;
  for (const char byte : request_for("/")) c.say(std::string(1, byte));
  EXPECT_EQ(next_reply(c).body, "secure\n");
}

TEST_F(tls_transfer, sends_much_whole_and_takes_much_whole) {
  file = ca.file("large");
  std::string content(many_bytes, '\0');
  unsigned sum = 0, state = 1;
  for (char& each : content) {
    each = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    sum = sum * 31 + static_cast<unsigned char>(each);
  }
  std::ofstream(file, std::ios::binary) << content;
  auto o = options();
  o.limits.body_bytes = 2 * many_bytes;
  serving_test s(std::move(o));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto c = enters(s, {.most = version});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for("/big"));
    EXPECT_TRUE(next_reply(c).body == std::string(many_bytes, 'x'));
    c.say(request_for("/file"));
    EXPECT_TRUE(next_reply(c).body == content);
    c.say(request_for("/upload", "Content-Length: " + std::to_string(many_bytes) + "\r\n", "POST"));
    c.say(content);
    EXPECT_EQ(next_reply(c).body, std::to_string(many_bytes) + " " + std::to_string(sum) + "\n");
  }
}

TEST_F(tls_transfer, breaks_off_a_file_that_cannot_be_read_and_blames_nobody) {
  auto o = options();
  o.address = "127.0.0.1";
  serving_test s(std::move(o));
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  auto plain = s.enters();
  c.say(request_for("/unreadable"));
  plain.say(request_for("/unreadable"));
  EXPECT_THAT(c.hear_all(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(plain.hear_all(), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests() == request_ledger{.begun = 2, .broken = 2}; }));
  EXPECT_EQ(s.it.connections().reset_by_remote, 0U);
}

TEST_F(tls_transfer, waits_for_a_slow_reader_and_not_for_ever) {
  file = ca.file("file");
  std::ofstream(file) << std::string(many_bytes, 'x');
  auto o = options();
  o.limits.write_time = 200ms;
  serving_test s(std::move(o));
  std::uint64_t cut = 0;
  for (const char* target : {"/big", "/file"}) {
    auto c = enters(s, {.receive_buffer = 4096});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for(target));
    EXPECT_THAT(c.hear_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    ++cut;
    EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == cut; })) << target;
    c.hear_all();
    EXPECT_FALSE(c.told_of_the_end());  // it was cut, and must look like it
  }
}

TEST_F(tls_transfer, costs_nobody_else_anything_when_a_client_leaves_in_the_middle) {
  serving_test s(options());
  for (int i = 0; i < 20; ++i) {
    auto c = enters(s);
    const std::string hello = c.hello();
    c.say_raw(hello.substr(0, hello.size() * static_cast<std::size_t>(i) / 19));
    c.close();
  }
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "secure\n");
  EXPECT_TRUE(s.eventually([&] {
    const auto l = s.it.connections();
    return l.closed_by_remote + l.reset_by_remote + l.closed_clean == 20;
  }));
}

}  // namespace lastcall::http::tls_transfer_test
