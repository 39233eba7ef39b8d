#include "lastcall/http/requests/exchange.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::http::detail::exchange_test {

constexpr std::string_view first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";

void receive(exchange& x, std::string_view bytes) {
  const auto room = x.room();
  ASSERT_GE(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  x.input.received(bytes.size());
}

void read_head(exchange& x) {
  const head_result head = parse_head(x.input.unread(), x.input.scanned(), limits{}, x.req, x.info);
  ASSERT_EQ(head.what, head_result::kind::done);
  x.input.head_is(head.consumed);
}

TEST(exchange, keeps_what_follows_the_present_request) {
  exchange x(256);
  receive(x, std::string(first) + "GET /second");
  read_head(x);
  EXPECT_EQ(x.req.target(), "/first");
  x.next();
  EXPECT_EQ(x.input.unread(), "GET /second");
  EXPECT_FALSE(x.input.has_head());
}

TEST(exchange, skips_the_body_that_it_holds) {
  exchange x(256);
  receive(x, std::string(first) + "bodynext");
  read_head(x);
  x.input.body_is(4);
  x.body = "body";
  x.next();
  EXPECT_EQ(x.input.unread(), "next");
  EXPECT_TRUE(x.body.empty());
}

TEST(exchange, makes_room_by_moving_what_is_unread_to_the_front) {
  exchange x(64);
  receive(x, first);
  read_head(x);
  x.next();
  receive(x, "GET /second HTTP/1.1\r\n");
  const auto room = x.room();
  EXPECT_EQ(x.input.unread().data(), x.input.memory().data());
  EXPECT_EQ(x.input.unread(), "GET /second HTTP/1.1\r\n");
  EXPECT_EQ(room.size(), 64 - x.input.unread().size());
}

TEST(exchange, moves_the_views_of_its_request_along) {
  exchange x(80);
  receive(x, "\r\n\r\n");
  x.input.head_is(4);  // blank lines before a head are no part of it
  x.next();
  receive(x, first);
  read_head(x);
  receive(x, std::string(20, 'b'));
  static_cast<void>(x.room());
  EXPECT_EQ(x.req.method(), "GET");
  EXPECT_EQ(x.req.target(), "/first");
  EXPECT_EQ(x.req.header("Host"), "a");
  EXPECT_EQ(static_cast<const void*>(x.req.method().data()), x.input.memory().data());
}

TEST(exchange, forgets_what_streamed_only_with_its_request) {
  exchange x(64);
  x.in_pieces = true;
  x.incoming.status = 413;
  x.outgoing.open = true;
  x.trailers = "a:b\n";
  x.next();
  EXPECT_FALSE(x.in_pieces);
  EXPECT_EQ(x.incoming.status, 0);
  EXPECT_FALSE(x.outgoing.open);
  EXPECT_TRUE(x.trailers.empty());
}

}  // namespace lastcall::http::detail::exchange_test
