#include "lastcall/http/message/client_address.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::http::client_address_test {

const trusted_networks ours{"10.0.0.0/8", "192.168.1.0/25", "2001:db8::/33", "::1"};

std::string address(const std::string& headers, const trusted_networks& trusted = ours,
                    forwarded_header header = forwarded_header::x_forwarded_for,
                    const std::string& remote = "10.1.2.3:1000") {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
  std::size_t scanned = 0;
  request r;
  detail::message_info info;
  EXPECT_EQ(detail::parse_head(head, scanned, {}, r, info).what, detail::head_result::kind::done) << head;
  const net::endpoint from = *net::parse_endpoint(remote);
  detail::request_access::remote(r, &from);
  return to_text(client_address(r, trusted, header));
}

std::string x(const std::string& value) { return address("X-Forwarded-For: " + value + "\r\n"); }
std::string f(const std::string& value) {
  return address("Forwarded: " + value + "\r\n", ours, forwarded_header::forwarded);
}

TEST(client_address, is_the_remote_unless_it_is_trusted) {
  EXPECT_EQ(address(""), "10.1.2.3:1000");
  EXPECT_EQ(address("X-Forwarded-For: 203.0.113.7\r\n", {}), "10.1.2.3:1000") << "by default nobody is trusted";
  EXPECT_EQ(address("X-Forwarded-For: 203.0.113.7\r\n", ours, {}, "198.51.100.1:1"), "198.51.100.1:1");
}

TEST(client_address, is_the_nearest_that_is_not_trusted) {
  EXPECT_EQ(x("203.0.113.7"), "203.0.113.7:0");
  EXPECT_EQ(x("6.6.6.6, 203.0.113.7, 10.9.9.9"), "203.0.113.7:0") << "what the client sent itself is not believed";
  EXPECT_EQ(x("10.7.7.7,10.9.9.9"), "10.7.7.7:0") << "all are ours: the farthest";
  EXPECT_EQ(address("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7,10.9.9.9\r\n"), "203.0.113.7:0");
}

TEST(client_address, reads_ports_and_brackets) {
  EXPECT_EQ(x("203.0.113.7:81"), "203.0.113.7:81");
  EXPECT_EQ(x("2001:db9::1"), "[2001:db9::1]:0");
  EXPECT_EQ(x("[2001:db9::1]"), "[2001:db9::1]:0");
  EXPECT_EQ(x("[2001:db9::1]:82"), "[2001:db9::1]:82");
  EXPECT_EQ(x("::ffff:203.0.113.7"), "203.0.113.7:0");
}

TEST(client_address, stops_at_what_is_malformed) {
  for (const char* bad :
       {"unknown", "", "host", "203.0.113.7:", "203.0.113.7:x", "203.0.113.7:65536", "[203.0.113.7]", "[2001:db9::1",
        "[2001:db9::1]x", "203.0.113", "1.2.3.4 5", "unix:/tmp/a", "fe80::1%1", "\"\"", "\"203.0.113.7"}) {
    EXPECT_EQ(x(std::string("203.0.113.7, ") + bad), "10.1.2.3:1000") << bad;
    EXPECT_EQ(x(std::string("203.0.113.7, ") + bad + ", 10.9.9.9"), "10.9.9.9:0") << bad;
  }
}

TEST(client_address, reads_forwarded) {
  EXPECT_EQ(f("for=203.0.113.7"), "203.0.113.7:0");
  EXPECT_EQ(f("proto=https;For=\"203.0.113.7:80\";by=10.0.0.1"), "203.0.113.7:80");
  EXPECT_EQ(f("for=6.6.6.6, for=\"[2001:db9::17]:4711\" , for=10.2.2.2;proto=http"), "[2001:db9::17]:4711");
  EXPECT_EQ(f("for=203.0.113.7;host=\"a,b;c\\\"\", for=10.2.2.2"), "203.0.113.7:0") << "quoted separators";
}

TEST(client_address, stops_at_what_is_no_forwarded_element) {
  for (const char* bad : {"for=unknown", "for=_hidden", "for", "proto=https", "for=", "for=203.0.113.7:80", "for=\"",
                          "for=203.0.113.8;for=203.0.113.9", "=a", "for=[2001:db9::1]", "a b=c;for=203.0.113.7"})
    EXPECT_EQ(f(std::string("for=203.0.113.7, ") + bad), "10.1.2.3:1000") << bad;
}

TEST(client_address, is_found_whatever_its_client_wrote_before_it) {
  for (const char* bad :
       {"\"", "\\", "\"\\", "for=\"", "x=\"\\", "for=\"a, for=b", "a=\"\\\"", ";,;", ",", "\"a\",\"b"}) {
    const std::string real = "for=\"203.0.113.7\";host=\"a,\\\"b;c\\\\\"";
    EXPECT_EQ(x(std::string(bad) + ", 203.0.113.7"), "203.0.113.7:0") << bad;
    EXPECT_EQ(x(std::string(bad) + "\r\nX-Forwarded-For: 203.0.113.7, 10.9.9.9"), "203.0.113.7:0") << bad;
    EXPECT_EQ(f(std::string(bad) + ", " + real), "203.0.113.7:0") << bad;
    EXPECT_EQ(f(std::string(bad) + "," + real + ", for=10.9.9.9;by=\"[::1]\""), "203.0.113.7:0") << bad;
    EXPECT_EQ(f(std::string(bad) + "\r\nForwarded: " + real), "203.0.113.7:0") << bad;
  }
}

TEST(client_address, believes_the_chosen_header_only) {
  const std::string both = "X-Forwarded-For: 203.0.113.7\r\nForwarded: for=6.6.6.6\r\n";
  EXPECT_EQ(address(both), "203.0.113.7:0");
  EXPECT_EQ(address(both, ours, forwarded_header::forwarded), "6.6.6.6:0");
}

TEST(client_address, trusts_a_unix_domain_remote_when_asked) {
  const std::string header = "X-Forwarded-For: 203.0.113.7\r\n";
  EXPECT_EQ(address(header, ours, {}, "unix:/run/a"), "unix:/run/a");
  EXPECT_EQ(address(header, {"unix"}, {}, "unix:/run/a"), "203.0.113.7:0");
}

TEST(trusted_networks, compares_as_many_bits_as_were_given) {
  const auto in = [](const char* where) { return ours.contains(*net::parse_address(where, 0)); };
  EXPECT_TRUE(in("10.255.255.255"));
  EXPECT_FALSE(in("11.0.0.0"));
  EXPECT_TRUE(in("192.168.1.127"));
  EXPECT_FALSE(in("192.168.1.128"));
  EXPECT_TRUE(in("::ffff:10.0.0.1"));
  EXPECT_TRUE(in("2001:db8:7fff::1"));
  EXPECT_FALSE(in("2001:db8:8000::1"));
  EXPECT_TRUE(in("::1"));
  EXPECT_FALSE(in("::2"));
  EXPECT_TRUE(trusted_networks({"0.0.0.0/0"}).contains(*net::parse_address("1.2.3.4", 0)));
  EXPECT_FALSE(trusted_networks({"0.0.0.0/0"}).contains(*net::parse_address("::1", 0)));
  EXPECT_TRUE(trusted_networks({"::ffff:10.0.0.0/104"}).contains(*net::parse_address("10.2.0.0", 0)));
}

TEST(trusted_networks, refuses_what_is_no_network) {
  for (const char* bad :
       {"", "a", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "unix:/a", "::ffff:0.0.0.0/90"})
    EXPECT_THROW(trusted_networks{bad}, std::invalid_argument) << bad;
}

}  // namespace lastcall::http::client_address_test
