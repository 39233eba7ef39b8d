// The bank on SQLite, told to stop or killed in the middle of its transfers: each is done wholly or not at all, what
// was acknowledged is there, and after a clean end nothing but the database is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/sqlite.hpp"
#include "tests/services/bank_clients.hpp"

namespace service_tests {

using lastcall::deadline;
using process_tests::sanitized;
using testing::HasSubstr;
using namespace std::chrono_literals;

class sqlite_bank : public testing::Test {
 protected:
  std::string file() const { return folder_.file("bank.db"); }
  running_bank::database database() const { return {"sqlite:" + file()}; }
  bool has_a_log() const { return std::filesystem::exists(file() + "-wal"); }

  /// Empty if the database is whole, each transfer is there wholly or not at all, and each of `acknowledged` is.
  std::string wrong(const std::vector<std::string>& acknowledged) const {
    auto on = *lastcall::sqlite::connection::open({}, {.path = file()});
    std::string what;
    if (const auto whole = *on.query({}, "pragma integrity_check"); whole[0].text(0) != "ok")
      what.append(whole[0].text(0)).append("; ");
    const auto half = *on.query({},
                                "select count(*) from account a where balance <> 1000 "
                                "- (select coalesce(sum(amount), 0) from transfer where source = a.id) "
                                "+ (select coalesce(sum(amount), 0) from transfer where target = a.id)");
    if (half[0].get<int>(0) != 0) what += half[0].get<std::string>(0) + " accounts do not have what they should; ";
    for (const auto& key : acknowledged)
      if ((*on.query({}, "select 1 from transfer where key = ?1", key)).empty())
        what += key + " was acknowledged and is not there; ";
    return what;
  }

  /// Returns in the middle of the transfers: at a moment of a quarter of a second, another for each run.
  static void wait_for_a_moment(const bank_clients& of, int run) {
    EXPECT_TRUE(of.reach(51));
    std::this_thread::sleep_for(std::chrono::milliseconds(37 * run % 250));
  }
  void ends_a_long_query() const;

 private:
  process_tests::scratch_folder folder_;
};

TEST_F(sqlite_bank, drains_without_a_half_transfer_and_leaves_the_database_alone) {
  for (int run = 0; run < process_tests::runs(100, 3); ++run) {
    SCOPED_TRACE("seed " + std::to_string(run));
    running_bank it(database(), "20s");
    bank_clients clients(it.address(), 20, static_cast<std::uint64_t>(run));
    wait_for_a_moment(clients, run);
    it.process.signal(SIGTERM);
    const auto end = it.process.wait(deadline(60s));
    clients.wait();
    ASSERT_EQ(end, (lastcall::testing::exit_status{.code = 0})) << it.process.errors();
    EXPECT_FALSE(has_a_log());
    EXPECT_EQ(clients.unanswered(), 0u);
    EXPECT_EQ(clients.refused(), 0u);
    EXPECT_EQ(wrong(clients.acknowledged()), "");
    process_tests::expect_ledgers_add_up(it.report());
  }
}

TEST_F(sqlite_bank, that_is_killed_has_what_it_acknowledged_and_its_log) {
  std::uint64_t unanswered = 0;
  for (int run = 0; run < process_tests::runs(100, 3); ++run) {
    SCOPED_TRACE("seed " + std::to_string(run));
    running_bank it(database(), "20s");
    bank_clients clients(it.address(), 20, static_cast<std::uint64_t>(run));
    wait_for_a_moment(clients, run);
    it.process.signal(SIGKILL);
    ASSERT_TRUE(it.process.wait(deadline(60s)));
    EXPECT_TRUE(has_a_log());
    clients.wait();
    unanswered += clients.unanswered();
    EXPECT_EQ(wrong(clients.acknowledged()), "");
  }
  EXPECT_GT(unanswered, 0u) << "what a drain prevents";
}

void sqlite_bank::ends_a_long_query() const {
  running_bank it(database(), sanitized ? "5s" : "1s");  // a tenth of it is the reserve
  process_tests::raw_client sleeper(it.address(), "GET /sleep?s=60 HTTP/1.1\r\nHost: bank\r\n\r\n");
  std::this_thread::sleep_for(100ms);  // whether it is asleep already can't be seen; cut it is either way
  const auto began = std::chrono::steady_clock::now();
  it.process.signal(SIGTERM);
  const auto answer = sleeper.read_reply();
  const auto end = it.process.wait(deadline(60s));
  EXPECT_THAT(answer.status_line(), HasSubstr(" 503 "));
  EXPECT_EQ(end, (lastcall::testing::exit_status{.code = 3})) << it.process.errors();
  EXPECT_LE(std::chrono::steady_clock::now() - began, sanitized ? 20s : 1500ms);
  EXPECT_THAT(it.process.errors(), HasSubstr("a sleep at sqlite_bank.cpp:"));
  // The disk may need longer than the 25 ms that a reserve of 100 ms leaves for it.
  if (has_a_log()) {
    EXPECT_THAT(it.process.errors(), HasSubstr("the log could not be written into the database"));
  }
  EXPECT_EQ(wrong({}), "");
}

TEST_F(sqlite_bank, whose_query_takes_too_long_interrupts_it_and_ends_in_time) {
  lastcall::by_median([this] { ends_a_long_query(); });
}

}  // namespace service_tests
