// A server that all tests of a file share, and what they ask it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/postgres.hpp"
#include "tests/services/postgres_cluster.hpp"

namespace service_tests {

namespace pg = lastcall::postgres;

/// Tests that share one server.
class postgres : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<postgres_cluster>(); }
  static void TearDownTestSuite() { server_.reset(); }

  static pg::connection connect(lastcall::duration within = 20s) {
    return std::move(
        *pg::connection::open({}, {.conninfo = server_->conninfo(), .connect_within = within, .cancel_within = 20s}));
  }
  static pg::pool_options pool_of(std::size_t most) {
    return {.conninfo = server_->conninfo() + " application_name=pool_test",
            .connect_within = 20s,
            .cancel_within = 20s,
            .most = most,
            .longest_wait = 60s};
  }
  static int count(const char* sql) {
    auto on = connect();
    return (*on.query({}, sql))[0].get<int>(0);
  }
  /// Returns once a statement that looks so runs on the server.
  static void wait_for_statement(const std::string& like) {
    auto on = connect();
    for (const lastcall::deadline by(60s);;) {
      const auto all = on.query({},
                                "select count(*) from pg_stat_activity where query like $1 and state = 'active' "
                                "and pid <> pg_backend_pid()",
                                like);
      if ((*all)[0].get<int>(0) > 0) return;
      if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("no statement like " + like);
    }
  }

  static inline std::unique_ptr<postgres_cluster> server_;
};

}  // namespace service_tests
