#include "lastcall/sqlite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/report/report.hpp"

namespace lastcall::sqlite::sqlite_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* endless =
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000000) select count(*) from n";

/// The next statement of a connection, which says when it runs.
class next_statement {
 public:
  void watch(const connection& of) {
    sqlite3_trace_v2(
        of.native_handle(), SQLITE_TRACE_STMT,
        [](unsigned, void* self, void*, void*) {
          auto& it = *static_cast<next_statement*>(self);
          if (!it.told_.test_and_set()) it.begun_.set_value();
          return 0;
        },
        this);
  }
  /// False: it does not run within 20 s.   Threads: any.
  bool runs() { return begun_.get_future().wait_for(20s) == std::future_status::ready; }

 private:
  std::promise<void> begun_;
  std::atomic_flag told_;
};

void drain(pool& all) {
  std::promise<void> drained;
  all.drain({}, [&] { drained.set_value(); });
  EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
}

class sqlite : public ::testing::Test {
 protected:
  sqlite() {
    folder_ = std::filesystem::temp_directory_path() / ("lastcall_sqlite_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  ~sqlite() override { std::filesystem::remove_all(folder_); }

  std::string file(const char* name = "test.db") const { return (folder_ / name).string(); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder_)) names.push_back(each.path().filename());
    return names;
  }
  connection open(access how = access::read_write, duration busy = 5s) const {
    return std::move(*connection::open({}, {.path = file(), .access = how, .busy_within = busy}));
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(sqlite, queries_take_values_and_give_typed_ones) {
  auto on = open();
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}};
  const auto all = on.query({}, "select ?1, ?2, ?3, ?4, ?5 as absent, ?6, ?7, ''", -7, std::string("a\0b", 3), true,
                            1.5, nullptr, std::span<const std::byte>(bytes), std::optional<long>(1));
  ASSERT_TRUE(all) << all.error().what();
  const row one = (*all)[0];
  EXPECT_EQ(one.get<int>(0), -7);
  EXPECT_EQ(one.get<std::string>(1), std::string("a\0b", 3));
  EXPECT_TRUE(one.get<bool>(2));
  EXPECT_EQ(one.get<double>(3), 1.5);
  EXPECT_EQ(one.get<std::optional<std::string>>("absent"), std::nullopt);
  EXPECT_TRUE(std::ranges::equal(one.bytes(5), bytes));
  EXPECT_EQ(one.get<std::optional<long>>(6), 1);
  EXPECT_FALSE(one.is_null(7)) << "empty text is not null";
  EXPECT_THROW(static_cast<void>(one.get<int>(1)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<int>(4)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<unsigned>(0)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<int>(8)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(one.get<int>("nowhere")), std::invalid_argument);
}

TEST_F(sqlite, tells_how_many_rows_a_statement_changed) {
  auto on = open();
  EXPECT_TRUE(on.query({}, "create table t(i)"));
  EXPECT_EQ((*on.query({}, "insert into t values (1), (2), (3)")).affected(), 3u);
  EXPECT_EQ((*on.query({}, "select * from t")).affected(), 0u);
  EXPECT_EQ((*on.query({}, "update t set i = 0 where i > ?1", 1)).affected(), 2u);
  EXPECT_EQ((*on.query({}, "update t set i = 0 where i > ?1", 100)).affected(), 0u);
}

TEST_F(sqlite, errors_say_what_sqlite_says_and_the_connection_goes_on) {
  auto on = open();
  const auto wrong = on.query({}, "selct 1");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().why(), error::reason::database);
  EXPECT_THAT(wrong.error().what(), HasSubstr("near \"selct\": syntax error"));
  EXPECT_THROW(static_cast<void>(*wrong), error);
  EXPECT_TRUE(on.query({}, "create table t(i unique)"));
  EXPECT_TRUE(on.query({}, "insert into t values (1)"));
  EXPECT_EQ(on.query({}, "insert into t values (1)").error().code(), SQLITE_CONSTRAINT_UNIQUE);
  EXPECT_TRUE(on.query({}, "insert into t values (2)"));
}

TEST_F(sqlite, misuse_is_told_at_once) {
  auto on = open();
  EXPECT_THAT(on.query({}, "select ?1, ?2", 1).error().what(), HasSubstr("has 2 parameters, and 1 values were given"));
  EXPECT_THAT(on.query({}, "select 1; select 2").error().what(), HasSubstr("give one statement"));
  EXPECT_THAT(on.query({}, "").error().what(), HasSubstr("give one statement"));
  EXPECT_TRUE(on.query({}, "select 1; "));
  EXPECT_FALSE(on.query({}, "select ?1", ~0ull)) << "SQLite's numbers have a sign";
  EXPECT_THROW(static_cast<void>(connection::open({}, {.path = ":memory:"})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(connection::open({}, {.path = "x.db", .busy_within = 0s})), std::invalid_argument);
  EXPECT_THAT(connection::open({}, {.path = "/no/such/folder/x.db"}).error().what(),
              HasSubstr("/no/such/folder/x.db: unable to open database file"));
}

TEST_F(sqlite, rows_can_be_read_one_by_one_also_within_another_query) {
  auto on = open();
  int sum = 0;
  const char* const numbers = "with n(i) as (values (1), (2), (3)) select i from n";
  EXPECT_TRUE(on.each({}, numbers, [&](sqlite3_stmt* outer) {
    const int of = sqlite3_column_int(outer, 0);
    static_cast<void>(*on.each({}, numbers, [&](sqlite3_stmt* inner) { sum += of * sqlite3_column_int(inner, 0); }));
  }));
  EXPECT_EQ(sum, 36);
  EXPECT_THROW(static_cast<void>(on.each({}, numbers, [](sqlite3_stmt*) { throw std::runtime_error("enough"); })),
               std::runtime_error);
  EXPECT_EQ((*on.query({}, numbers)).size(), 3u);
}

TEST_F(sqlite, a_hundred_texts_are_no_trouble) {
  auto on = open();
  for (int turns = 0; turns < 2; ++turns)
    for (int i = 0; i < 100; ++i) EXPECT_EQ((*on.query({}, ("select " + std::to_string(i)).c_str()))[0].get<int>(0), i);
}

TEST_F(sqlite, a_query_ends_when_its_time_is_up) {
  auto on = open();
  const auto none = on.query(within({}, 30ms), endless);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), error::reason::deadline);
  EXPECT_THROW(static_cast<void>(*none), unavailable);
  EXPECT_TRUE(on.query({}, "select 1"));
}

TEST_F(sqlite, a_query_ends_when_its_context_is_forced) {
  auto on = open();
  next_statement question;
  question.watch(on);
  context_source caller;
  auto asks = std::async(std::launch::async, [&] { return on.query(caller.get(), endless); });
  EXPECT_TRUE(question.runs());
  caller.force(cause::client_gone);
  const auto none = asks.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why(), error::reason::forced);
  EXPECT_THAT(none.error().what(), HasSubstr("client_gone"));
}

TEST_F(sqlite, waits_for_another_process_no_longer_than_its_context) {
  auto other = open();
  auto on = open();
  auto first = *transaction::begin({}, other);
  EXPECT_EQ(transaction::begin(within({}, 20ms), on).error().why(), error::reason::deadline);
  context_source caller;
  next_statement cut;
  cut.watch(on);
  auto asks = std::async(std::launch::async, [&] { return transaction::begin(caller.get(), on); });
  EXPECT_TRUE(cut.runs());
  caller.force();
  EXPECT_EQ(asks.get().error().why(), error::reason::forced);
  auto brief = open(access::read_write, 20ms);
  const auto busy = transaction::begin({}, brief);
  EXPECT_EQ(busy.error().why(), error::reason::busy);
  EXPECT_THAT(busy.error().what(), HasSubstr("database is locked, by others, for 20ms"));
  next_statement patient;
  patient.watch(on);
  auto waits = std::async(std::launch::async, [&] { return transaction::begin({}, on).has_value(); });
  EXPECT_TRUE(patient.runs());
  EXPECT_TRUE(first.commit({}));
  EXPECT_TRUE(waits.get());
}

TEST_F(sqlite, transactions_roll_back_unless_they_are_committed) {
  auto on = open();
  static_cast<void>(*on.query({}, "create table t(i)"));
  {
    auto work = *transaction::begin({}, on);
    static_cast<void>(*work.query({}, "insert into t values (1)"));
  }
  EXPECT_TRUE((*on.query({}, "select * from t")).empty());
  {
    auto work = *transaction::begin({}, on);
    static_cast<void>(*work.query({}, "insert into t values (1)"));
    EXPECT_TRUE(work.commit({}));
  }
  EXPECT_EQ((*on.query({}, "select * from t")).size(), 1u);
}

TEST_F(sqlite, a_transaction_that_was_rolled_back_by_an_error_takes_nothing_more) {
  auto on = open();
  static_cast<void>(*on.query({}, "create table t(i)"));
  auto work = *transaction::begin({}, on);
  static_cast<void>(*work.query({}, "insert into t values (1)"));
  EXPECT_EQ(work.query(within({}, 30ms), (std::string("insert into t ") + endless).c_str()).error().why(),
            error::reason::deadline);
  EXPECT_TRUE(on.is_idle()) << "SQLite has rolled it back";
  EXPECT_THAT(work.query({}, "insert into t values (2)").error().what(), HasSubstr("was rolled back"));
  EXPECT_THAT(work.commit({}).error().what(), HasSubstr("was rolled back"));
  EXPECT_TRUE((*on.query({}, "select * from t")).empty());
}

TEST_F(sqlite, a_cancelled_connection_rolls_back_and_does_nothing_else) {
  auto on = open();
  next_statement question;
  static_cast<void>(*on.query({}, "create table t(i)"));
  {
    auto work = *transaction::begin({}, on);
    static_cast<void>(*work.query({}, "insert into t values (1)"));
    question.watch(on);
    auto asks = std::async(std::launch::async, [&] { return work.query({}, endless); });
    EXPECT_TRUE(question.runs());
    on.cancel();
    EXPECT_EQ(asks.get().error().why(), error::reason::forced);
    EXPECT_EQ(work.commit({}).error().why(), error::reason::forced);
  }
  EXPECT_TRUE(on.is_idle());
  EXPECT_FALSE(on.query({}, "select 1"));
  EXPECT_TRUE((*open().query({}, "select * from t")).empty());
}

TEST_F(sqlite, a_reader_refuses_to_write_and_sees_one_state_in_a_transaction) {
  auto writer = open();
  static_cast<void>(*writer.query({}, "create table t(i)"));
  auto reader = open(access::read_only);
  EXPECT_EQ(reader.query({}, "insert into t values (1)").error().code() & 0xff, SQLITE_READONLY);
  auto sees = *transaction::begin({}, reader);
  EXPECT_TRUE((*sees.query({}, "select * from t")).empty());
  static_cast<void>(*writer.query({}, "insert into t values (1)"));
  EXPECT_TRUE((*sees.query({}, "select * from t")).empty());
  EXPECT_TRUE(sees.commit({}));
  EXPECT_EQ((*reader.query({}, "select * from t")).size(), 1u);
}

TEST_F(sqlite, a_backup_beside_a_writer_is_whole_and_of_one_moment) {
  auto writer = open();
  static_cast<void>(*writer.query({}, "create table t(i, filling)"));
  for (int i = 0; i < 200; ++i) static_cast<void>(*writer.query({}, "insert into t values (?1, zeroblob(20000))", i));
  std::atomic<bool> done = false;
  std::thread goes_on([&] {  // two rows at a time
    for (int i = 0; !done; ++i) {
      auto work = *transaction::begin({}, writer);
      static_cast<void>(*work.query({}, "insert into t values (?1, zeroblob(2000))", 2 * i));
      static_cast<void>(*work.query({}, "insert into t values (?1, zeroblob(2000))", 2 * i + 1));
      static_cast<void>(*work.commit({}));
    }
  });
  auto from = open(access::read_only);
  const auto bytes = backup({}, from, file("copy.db"));
  done = true;
  goes_on.join();
  ASSERT_TRUE(bytes) << bytes.error().what();
  EXPECT_EQ(*bytes, std::filesystem::file_size(file("copy.db")));
  auto copy = *connection::open({}, {.path = file("copy.db")});
  EXPECT_EQ((*copy.query({}, "pragma integrity_check"))[0].text(0), "ok");
  EXPECT_EQ((*copy.query({}, "select count(*) from t"))[0].get<int>(0) % 2, 0);
  EXPECT_GE((*copy.query({}, "select count(*) from t"))[0].get<int>(0), 200);
  EXPECT_TRUE(from.is_idle());
}

TEST_F(sqlite, a_backup_that_is_cut_leaves_nothing) {
  auto from = open();
  static_cast<void>(*from.query({}, "create table t(i)"));
  context_source caller;
  caller.force();
  EXPECT_FALSE(backup(caller.get(), from, file("copy.db")));
  EXPECT_FALSE(backup({}, from, "/no/such/folder/copy.db"));
  auto reader = open(access::read_only);
  EXPECT_THAT(backup({}, reader, file()).error().what(), HasSubstr("test.db-wal is there"));
  for (const std::string& name : files()) EXPECT_THAT(name, ::testing::StartsWith("test.db"));
}

TEST_F(sqlite, a_pool_writes_by_one_reads_by_many_and_leaves_the_file_alone) {
  std::string logged;
  pool all({.path = file(), .most = 3}, logger(log_level::warning, [&](const log_record& line) {
             logged.append(line.text);
             for (const log_field& each : line.fields) logged.append(" ").append(each.value);
           }));
  all.start({});
  {
    auto writer = *all.write({});
    static_cast<void>(*writer->query({}, "create table t(i)"));
    static_cast<void>(*writer->query({}, "insert into t values (1)"));
    EXPECT_FALSE(all.write(within({}, 10ms)));
    auto one = *all.read({});
    auto two = *all.read({});
    EXPECT_EQ((*one->query({}, "select * from t")).size(), 1u);
    EXPECT_EQ((*two->query({}, "select * from t")).size(), 1u);
  }
  drain(all);
  all.stop();
  EXPECT_EQ(logged, "");
  EXPECT_THAT(files(), ::testing::ElementsAre("test.db"));
  component_report told;
  all.account(told);
  EXPECT_EQ(told.lost, false);
}

TEST_F(sqlite, force_interrupts_what_runs_and_the_report_says_so) {
  pool all({.path = file()});
  all.start({});
  static_cast<void>(*(*all.write({}))->query({}, "create table t(i)"));
  next_statement question;
  auto asks = std::async(std::launch::async, [&] {
    auto writer = *all.write({});
    writer.label("an endless question");
    auto work = *transaction::begin({}, *writer);
    static_cast<void>(*work.query({}, "insert into t values (1)"));
    question.watch(*writer);
    return work.query({}, endless).error().why();
  });
  EXPECT_TRUE(question.runs());
  std::promise<void> drained;
  all.drain({}, [&] { drained.set_value(); });
  std::vector<work_item> items;
  all.in_progress(items, 10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_THAT(items[0].label, HasSubstr("an endless question"));
  all.force();
  EXPECT_EQ(asks.get(), error::reason::forced);
  EXPECT_EQ(drained.get_future().wait_for(20s), std::future_status::ready);
  all.stop();
  component_report told;
  all.account(told);
  EXPECT_EQ(told.lost, true);
  EXPECT_THAT(files(), ::testing::ElementsAre("test.db"));
  EXPECT_TRUE((*open().query({}, "select * from t")).empty());
}

TEST_F(sqlite, a_pool_that_can_not_open_its_file_fails_its_start) {
  pool all({.path = "/no/such/folder/x.db"});
  EXPECT_THROW(all.start({}), error);
  EXPECT_THROW(pool({.path = ""}), std::invalid_argument);
  EXPECT_THROW(pool({.path = file(), .most = 0}), std::invalid_argument);
}

}  // namespace lastcall::sqlite::sqlite_test
