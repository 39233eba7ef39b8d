#include "lastcall/http/message/trace.hpp"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <thread>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::http::trace_test {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string with(std::size_t at, char c) {
  std::string changed = good;
  changed[at] = c;
  return changed;
}

struct received {
  explicit received(const std::string& headers) : head("GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n") {
    std::size_t scanned = 0;
    EXPECT_EQ(detail::parse_head(head, scanned, {}, r, info).what, detail::head_result::kind::done) << head;
  }
  std::string head;
  request r;
  detail::message_info info;
};

TEST(trace, reads_a_traceparent) {
  const auto parent = parse_traceparent(good);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(parent->parent_id, "00f067aa0ba902b7");
  EXPECT_TRUE(parent->sampled());
  EXPECT_FALSE(parse_traceparent(with(54, '2'))->sampled());
  EXPECT_EQ(parse_traceparent(with(53, 'f'))->flags, 0xf1);
}

TEST(trace, refuses_what_is_no_traceparent) {
  EXPECT_FALSE(parse_traceparent(""));
  EXPECT_FALSE(parse_traceparent(good.substr(0, 54)));
  EXPECT_FALSE(parse_traceparent(good + "-01")) << "00 has no further part";
  EXPECT_FALSE(parse_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(parse_traceparent(with(i, 'g'))) << i;
    EXPECT_FALSE(parse_traceparent(with(i, 'A'))) << i << ": only lower case";
    EXPECT_FALSE(parse_traceparent(with(i, ' '))) << i;
  }
}

TEST(trace, reads_what_it_knows_of_a_later_version) {
  std::string later = good;
  later[1] = '1';
  EXPECT_TRUE(parse_traceparent(later));
  EXPECT_TRUE(parse_traceparent(later + "-what-comes"));
  EXPECT_FALSE(parse_traceparent(later + "x"));
  later[0] = later[1] = 'f';
  EXPECT_FALSE(parse_traceparent(later)) << "ff is none";
}

TEST(trace, takes_request_ids_that_are_harmless_in_a_log) {
  EXPECT_TRUE(acceptable_request_id("7b0c-A_9.:/+=@~"));
  EXPECT_TRUE(acceptable_request_id(std::string(128, 'a')));
  EXPECT_FALSE(acceptable_request_id(std::string(129, 'a')));
  for (const char* id : {"", "a b", "a\"b", "a,b", "a\tb", "\xc3\xa4", "<a>", "a;b", "a\x7f"})
    EXPECT_FALSE(acceptable_request_id(id)) << id;
}

TEST(trace, makes_ids_that_do_not_repeat) {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) all.insert(make_request_id());
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) all.insert(make_request_id());
  }).join();
  EXPECT_EQ(all.size(), 2000U);
  for (const auto& id : all) EXPECT_TRUE(id.size() == 32 && acceptable_request_id(id)) << id;
}

TEST(trace, finds_everything_in_a_request) {
  received got("X-Request-ID: abc\r\nTraceparent: " + good + "\r\nTracestate: a=1\r\ntracestate: b=2\r\n");
  const trace_context t = trace(got.r);
  EXPECT_EQ(t.request_id, "abc");
  EXPECT_EQ(t.traceparent, good);
  EXPECT_EQ(t.parent->parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(t.tracestate, "a=1,b=2");
}

TEST(trace, leaves_out_what_cannot_be_trusted_to_be_right) {
  EXPECT_EQ(trace(received("X-Request-ID: a b\r\n").r).request_id, "");
  EXPECT_EQ(trace(received("Tracestate: a=1\r\n").r).tracestate, "") << "without a traceparent";
  const trace_context twice = trace(received("Traceparent: " + good + "\r\nTraceparent: " + good + "\r\n").r);
  EXPECT_FALSE(twice.parent);
  EXPECT_EQ(twice.traceparent, "");
}

TEST(trace, prefers_the_id_that_the_server_has_noted) {
  received got("X-Request-ID: a b\r\n");
  detail::request_access::id(got.r) = "made";
  EXPECT_EQ(trace(got.r).request_id, "made");
}

}  // namespace lastcall::http::trace_test
