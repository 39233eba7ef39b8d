#include "lastcall/net/tls/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace lastcall::net::ticket_keys_test {

using namespace std::chrono_literals;
using detail::ticket_keys;

TEST(ticket_keys, replaces_a_key_after_its_lifetime_and_takes_the_former_for_as_long_again) {
  const time_point begin = steady().now();
  ticket_keys keys(1h);
  const auto first = keys.to_encrypt(begin);
  ASSERT_TRUE(first);
  EXPECT_EQ(keys.to_encrypt(begin + 59min)->name, first->name);
  const auto second = keys.to_encrypt(begin + 1h);
  ASSERT_TRUE(second);
  EXPECT_NE(second->name, first->name);
  EXPECT_NE(second->cipher, first->cipher);
  EXPECT_NE(second->mac, first->mac);

  EXPECT_FALSE(keys.to_decrypt(second->name.data(), begin + 61min)->renew);
  const auto former = keys.to_decrypt(first->name.data(), begin + 119min);
  ASSERT_TRUE(former);
  EXPECT_EQ(former->with.cipher, first->cipher);
  EXPECT_TRUE(former->renew);
  EXPECT_FALSE(keys.to_decrypt(first->name.data(), begin + 2h));
}

TEST(ticket_keys, forgets_both_after_a_long_pause) {
  const time_point begin = steady().now();
  ticket_keys keys(1h);
  const auto first = keys.to_encrypt(begin);
  EXPECT_FALSE(keys.to_decrypt(first->name.data(), begin + 3h));
}

TEST(ticket_keys, knows_no_key_of_another_server) {
  ticket_keys ours(1h), others(1h);
  EXPECT_FALSE(ours.to_decrypt(others.to_encrypt(steady().now())->name.data(), steady().now()));
}

}  // namespace lastcall::net::ticket_keys_test
