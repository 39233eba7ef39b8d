// The adapter for SQLite holds what every adapter must hold; and its commits are there after it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "lastcall/sqlite.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

namespace sqlite = lastcall::sqlite;

TEST(sqlite_adapter, conforms_and_keeps_what_was_committed) {
  const process_tests::scratch_folder folder;
  const std::string file = folder.file("test.db");
  static_cast<void>(*sqlite::connection::open({}, {.path = file})->query({}, "create table done(at)"));
  std::atomic<int> committed = 0;
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<sqlite::pool>{
      .make =
          [&](const lastcall::testing::server_address&, const lastcall::logger& log) {
            return std::make_unique<sqlite::pool>(sqlite::pool_options{.path = file}, log);
          },
      .work =
          [&](sqlite::pool& of, const lastcall::context& with) {
            const auto on = *of.write(with);
            static_cast<void>(*on->query(with, "insert into done values (1)"));
            ++committed;
          },
      .long_work =
          [](sqlite::pool& of, const lastcall::context& with) {
            const auto on = *of.read(with);
            static_cast<void>(*on->query(
                with, "with recursive n(i) as (values (1) union all select 1 from n) select count(*) from n"));
          },
      .hold =
          [](sqlite::pool& of, const lastcall::function<void()>& wait) {
            const auto on = *of.write({});
            wait();
          }});
  EXPECT_THAT(faults, testing::IsEmpty());
  const auto all = *sqlite::connection::open({}, {.path = file})->query({}, "select count(*) from done");
  EXPECT_EQ(all[0].get<int>(0), committed.load());
}

}  // namespace service_tests
