#include "lastcall/adapters/redis/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace lastcall::redis::address_test {

using detail::address;
using detail::parse_address;

TEST(address, of_a_host_has_a_port_a_database_and_a_user) {
  EXPECT_EQ(parse_address("redis://db"), (address{.host = "db", .port = "6379"}));
  EXPECT_EQ(parse_address("redis://db/"), (address{.host = "db", .port = "6379"}));
  EXPECT_EQ(parse_address("redis://127.0.0.1:7000/3"), (address{.host = "127.0.0.1", .port = "7000", .database = 3}));
  EXPECT_EQ(parse_address("redis://[::1]:7000"), (address{.host = "::1", .port = "7000"}));
  EXPECT_EQ(parse_address("redis://[::1]"), (address{.host = "::1", .port = "6379"}));
  EXPECT_EQ(parse_address("redis://:geheim@db"), (address{.host = "db", .port = "6379", .password = "geheim"}));
  EXPECT_EQ(parse_address("redis://shop:a%40b%3A@db:1/2"),
            (address{.host = "db", .port = "1", .user = "shop", .password = "a@b:", .database = 2}));
}

TEST(address, of_a_socket_has_a_path) {
  EXPECT_EQ(parse_address("unix:/run/r.sock"), (address{.path = "/run/r.sock"}));
  EXPECT_EQ(parse_address("unix:///run/r.sock?db=4"), (address{.path = "/run/r.sock", .database = 4}));
}

TEST(address, that_is_none_is_refused_and_its_password_is_not_told) {
  const auto why = [](const std::string& url) -> std::string {
    try {
      parse_address(url);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted: " + url;
  };
  using ::testing::HasSubstr;
  using ::testing::Not;
  EXPECT_THAT(why(""), HasSubstr("begins neither with redis:// nor with unix:"));
  EXPECT_THAT(why("127.0.0.1:6379"), HasSubstr("give one as \"redis://127.0.0.1:6379/0\""));
  EXPECT_THAT(why("rediss://db"), HasSubstr("TLS"));
  EXPECT_THAT(why("redis://"), HasSubstr("no host"));
  EXPECT_THAT(why("redis://:6379"), HasSubstr("no host"));
  EXPECT_THAT(why("redis://db:0"), HasSubstr("port \"0\""));
  EXPECT_THAT(why("redis://db:65536"), HasSubstr("port \"65536\""));
  EXPECT_THAT(why("redis://db:"), HasSubstr("port \"\""));
  EXPECT_THAT(why("redis://db/x"), HasSubstr("database \"x\""));
  EXPECT_THAT(why("redis://db/-1"), HasSubstr("database \"-1\""));
  EXPECT_THAT(why("redis://db?x=1"), HasSubstr("parameters"));
  EXPECT_THAT(why("redis://[::1"), HasSubstr("no ]"));
  EXPECT_THAT(why("redis://[::1]x"), HasSubstr("no colon"));
  EXPECT_THAT(why("redis://shop@db"), HasSubstr("a user and no password"));
  EXPECT_THAT(why("redis://a:b%4@db"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(why("redis://a:b%+1@db"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(why("unix:run"), HasSubstr("slash"));
  EXPECT_THAT(why("unix:/" + std::string(107, 'x')), HasSubstr("108 bytes"));
  EXPECT_THAT(why("unix:/run/r?x=1"), HasSubstr("db=N"));
  EXPECT_THAT(why(std::string("redis://d\0b", 11)), HasSubstr("NUL"));
  EXPECT_THAT(why("redis://shop:geheim@db:x"), Not(HasSubstr("geheim")));
}

}  // namespace lastcall::redis::address_test
