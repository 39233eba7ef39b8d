#include "lastcall/testing/internal/server_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <stdexcept>

namespace lastcall::testing::server_address_test {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(server_address, reads_both_internet_families_and_local_paths) {
  const auto four = parse_server_address("http://127.0.0.1:8080/");
  EXPECT_EQ(four.family(), AF_INET);
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in&>(four.address).sin_port), 8080);
  EXPECT_EQ(four.host, "127.0.0.1:8080");
  const auto six = parse_server_address("http://[::1]:65535");
  EXPECT_EQ(six.family(), AF_INET6);
  EXPECT_EQ(six.host, "[::1]:65535");
  EXPECT_EQ(parse_server_address("127.0.0.1:80").family(), AF_INET);
  const auto local = parse_server_address("unix:/run/x.sock");
  EXPECT_EQ(local.family(), AF_UNIX);
  EXPECT_EQ(local.host, "localhost");
  const auto abstract = parse_server_address("unix:@shop");
  EXPECT_EQ(abstract.length, sizeof(sa_family_t) + 5) << "no null at the end";
  EXPECT_EQ(abstract.address.ss_family, AF_UNIX);
}

TEST(server_address, says_what_is_wrong_and_what_was_meant) {
  const auto refusal = [](const char* text, const char* why) {
    EXPECT_THAT([=] { parse_server_address(text); }, ThrowsMessage<std::invalid_argument>(HasSubstr(why))) << text;
  };
  refusal("", "the port is missing");
  refusal("http://127.0.0.1", "the port is missing");
  refusal("http://127.0.0.1:", "the port is missing");
  refusal("http://127.0.0.1:99999", "'99999' is not a port");
  refusal("http://127.0.0.1:8x", "'8x' is not a port");
  refusal("http://::1:80", "brackets");
  refusal("http://:80", "the host is missing");
  refusal("https://127.0.0.1:80", "TLS");
  refusal("unix:", "the path is missing");
  refusal("unix:@", "the path is missing");
  refusal(("unix:/" + std::string(200, 'x')).c_str(), "longer than 107 bytes");
  refusal("nonsense:80:90", "give http://HOST:PORT");
}

}  // namespace lastcall::testing::server_address_test
