#include "lastcall/core/report/ledgers.hpp"

#include <gtest/gtest.h>

namespace lastcall::ledgers_test {

TEST(ledgers, add_up_when_each_connection_and_request_went_exactly_one_way) {
  connection_ledger connections{.accepted = 6,
                                .closed_clean = 1,
                                .closed_by_remote = 1,
                                .reset_by_remote = 1,
                                .timed_out = 1,
                                .handed_over = 1,
                                .forced = 1};
  EXPECT_TRUE(connections.adds_up());
  connections.accepted = 7;
  EXPECT_FALSE(connections.adds_up());

  request_ledger requests{.begun = 7,
                          .answered = 1,
                          .rejected = 1,
                          .abandoned_by_client = 1,
                          .handed_over = 1,
                          .forced = 1,
                          .broken = 1,
                          .timed_out = 1};
  EXPECT_TRUE(requests.adds_up());
  requests.answered = 2;
  EXPECT_FALSE(requests.adds_up());
}

TEST(ledgers, are_added_column_by_column) {
  connection_ledger connections{.accepted = 1,
                                .closed_clean = 2,
                                .closed_by_remote = 3,
                                .reset_by_remote = 4,
                                .timed_out = 5,
                                .handed_over = 6,
                                .forced = 7};
  connections += connections;
  EXPECT_EQ(connections, (connection_ledger{2, 4, 6, 8, 10, 12, 14}));
  request_ledger requests{.begun = 1,
                          .answered = 2,
                          .rejected = 3,
                          .abandoned_by_client = 4,
                          .handed_over = 5,
                          .forced = 6,
                          .broken = 7,
                          .timed_out = 8};
  requests += requests;
  EXPECT_EQ(requests, (request_ledger{2, 4, 6, 8, 10, 12, 14, 16}));
}

}  // namespace lastcall::ledgers_test
