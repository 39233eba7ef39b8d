// The bank is told to stop in the middle of its transfers: each is done wholly or not at all, what was acknowledged is
// there, and the server is free of it at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lastcall/core/by_median_test.hpp"
#include "tests/services/bank_clients.hpp"
#include "tests/services/postgres_cluster.hpp"

namespace service_tests {

using lastcall::deadline;
using process_tests::sanitized;
using testing::HasSubstr;

class bank : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<postgres_cluster>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { static_cast<void>(*auditor_.query({}, "drop table if exists account, transfer")); }

  void ends_a_long_statement();
  int asleep() {
    return (*auditor_.query({},
                            "select count(*) from pg_stat_activity where query like '%pg_sleep%' and "
                            "application_name = 'bank' and state = 'active'"))[0]
        .get<int>(0);
  }
  /// False: nothing sleeps within a minute.
  bool falls_asleep() {
    for (const deadline by(60s); asleep() == 0;)
      if (by.passed(std::chrono::steady_clock::now())) return false;
    return true;
  }

  static std::unique_ptr<postgres_cluster> server_;
  lastcall::postgres::connection auditor_ =
      std::move(*lastcall::postgres::connection::open({}, {.conninfo = server_->conninfo()}));
};
std::unique_ptr<postgres_cluster> bank::server_;

constexpr auto soon = std::chrono::seconds(1);
const auto gone_within = sanitized ? 20 * soon : process_tests::long_run() ? soon : 3 * soon;

TEST_F(bank, drains_without_a_half_transfer_and_without_losing_one) {
  for (int run = 0; run < process_tests::runs(50, 3); ++run) {
    SCOPED_TRACE("seed " + std::to_string(run));
    running_bank it(server_->conninfo(), "20s");
    bank_clients clients(it.address(), 50, static_cast<std::uint64_t>(run));
    EXPECT_TRUE(clients.reach(51));
    std::this_thread::sleep_for(std::chrono::milliseconds(37 * run % 300));  // the moment is what is tested
    it.process.signal(SIGTERM);
    const auto end = it.process.wait(deadline(60s));
    const auto until_gone = until_the_bank_is_gone(auditor_, 20 * soon);
    clients.wait();
    ASSERT_EQ(end, (lastcall::testing::exit_status{.code = 0})) << it.process.errors();
    EXPECT_LT(until_gone, gone_within);
    EXPECT_EQ(clients.unanswered(), 0u) << it.process.errors();
    EXPECT_EQ(clients.refused(), 0u) << it.process.errors();
    EXPECT_EQ(wrong_in_the_books(auditor_, clients.acknowledged()), "");
    process_tests::expect_ledgers_add_up(it.report());
  }
}

// What the test above would see if the bank did not drain.
TEST_F(bank, that_is_killed_leaves_clients_without_an_answer_and_its_statements_on_the_server) {
  running_bank it(server_->conninfo());
  bank_clients clients(it.address(), 50, 1);
  EXPECT_TRUE(clients.reach(50));
  process_tests::raw_client sleeper(it.address(), "GET /sleep?s=6 HTTP/1.1\r\nHost: bank\r\n\r\n");
  EXPECT_TRUE(falls_asleep());
  it.process.signal(SIGKILL);
  ASSERT_TRUE(it.process.wait(deadline(30s)));
  EXPECT_GE(until_the_bank_is_gone(auditor_, soon), soon);
  clients.wait();
  EXPECT_GT(clients.unanswered(), 0u);
  EXPECT_EQ(wrong_in_the_books(auditor_, clients.acknowledged()), "") << "that is the work of the transactions";
  EXPECT_LT(until_the_bank_is_gone(auditor_, 60s), 60s);
}

TEST_F(bank, whose_books_are_wrong_is_found_out) {
  {
    running_bank it(server_->conninfo());
    it.process.signal(SIGTERM);
    ASSERT_TRUE(it.process.wait(deadline(60s)));
  }
  EXPECT_EQ(wrong_in_the_books(auditor_, {}), "");
  static_cast<void>(*auditor_.query({}, "update account set balance = balance - 1 where id = 7"));
  EXPECT_THAT(wrong_in_the_books(auditor_, {"never"}),
              testing::AllOf(HasSubstr("1 accounts do not have"), HasSubstr("1 transfers were acknowledged")));
}

void bank::ends_a_long_statement() {
  const auto grace = sanitized ? 10s : 1s;
  running_bank it(server_->conninfo(), lastcall::to_text(grace));
  process_tests::raw_client sleeper(it.address(), "GET /sleep?s=60 HTTP/1.1\r\nHost: bank\r\n\r\n");
  EXPECT_TRUE(falls_asleep());
  const auto began = std::chrono::steady_clock::now();
  it.process.signal(SIGTERM);
  const auto answer = sleeper.read_reply();
  const auto end = it.process.wait(deadline(60s));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(asleep(), 0);
  EXPECT_THAT(answer.status_line(), HasSubstr(" 503 "));
  EXPECT_EQ(end, (lastcall::testing::exit_status{.code = 3})) << it.process.errors();
  EXPECT_GE(took, grace * 8 / 10);
  EXPECT_LE(took, grace + (sanitized ? 20s : process_tests::long_run() ? 100ms : 500ms));
  EXPECT_LT(until_the_bank_is_gone(auditor_, 20 * soon), gone_within);
  EXPECT_THAT(it.process.errors(), HasSubstr("a sleep at postgres_bank.cpp:"));
}

TEST_F(bank, whose_statement_takes_too_long_cancels_it_on_the_server_and_ends_in_time) {
  lastcall::by_median([this] { ends_a_long_statement(); });
}

TEST_F(bank, whose_conninfo_is_wrong_says_which_part_and_does_not_begin) {
  lastcall::testing::child_process it({process_tests::program("bank"), "--db", "postgres:hots=db dbname=shop"});
  EXPECT_EQ(it.wait(deadline(60s)), (lastcall::testing::exit_status{.code = 2}));
  EXPECT_THAT(it.errors(), HasSubstr("postgres: conninfo: invalid connection option \"hots\""));
}

TEST_F(bank, whose_server_is_not_there_says_so_and_does_not_begin) {
  lastcall::testing::child_process it({process_tests::program("bank"), "--db", "postgres:host=/nowhere"});
  EXPECT_EQ(it.wait(deadline(60s)), (lastcall::testing::exit_status{.code = 1}));
  EXPECT_THAT(it.errors(), HasSubstr("/nowhere/.s.PGSQL.5432"));
}

}  // namespace service_tests
