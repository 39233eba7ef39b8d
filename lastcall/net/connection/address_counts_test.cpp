#include "lastcall/net/connection/address_counts.hpp"

#include <gtest/gtest.h>

namespace lastcall::net::address_counts_test {

TEST(address_counts, counts_ports_of_one_address_together_and_addresses_apart) {
  address_counts all;
  EXPECT_EQ(all.enter(endpoint_of("10.0.0.1", 1)), 1U);
  EXPECT_EQ(all.enter(endpoint_of("10.0.0.1", 2)), 2U);
  EXPECT_EQ(all.enter(endpoint_of("10.0.0.2", 1)), 1U);
  EXPECT_EQ(all.enter(endpoint_of("::ffff:10.0.0.1", 3)), 3U) << "the same client on a dual-stack listener";
  all.leave(endpoint_of("10.0.0.1", 1));
  EXPECT_EQ(all.enter(endpoint_of("10.0.0.1", 4)), 3U);
}

TEST(address_counts, takes_an_ipv6_network_for_one_client) {
  address_counts all;
  EXPECT_EQ(all.enter(endpoint_of("2001:db8::1", 1)), 1U);
  EXPECT_EQ(all.enter(endpoint_of("2001:db8::2", 1)), 2U);
  EXPECT_EQ(all.enter(endpoint_of("2001:db8:0:1::1", 1)), 1U);
}

TEST(address_counts, does_not_count_what_has_no_address) {
  address_counts all;
  EXPECT_EQ(all.enter(endpoint()), 0U);
  all.leave(endpoint());
  all.leave(endpoint_of("10.0.0.1", 1));
  EXPECT_EQ(all.enter(endpoint_of("10.0.0.1", 1)), 1U);
}

}  // namespace lastcall::net::address_counts_test
