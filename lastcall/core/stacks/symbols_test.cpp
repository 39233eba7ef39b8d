#include "lastcall/core/stacks/symbols.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace lastcall {

constexpr int named_at = __LINE__ + 1;
[[gnu::noinline]] int a_function_to_be_named(int x) { return x + 1; }

namespace symbols_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

template <class F> std::uintptr_t address_of(F* function) { return reinterpret_cast<std::uintptr_t>(function); }

TEST(symbols, name_a_function_of_this_program_without_debug_information) {
  const std::uintptr_t within[] = {address_of(&a_function_to_be_named) + 1};
  const auto names = symbol_names(within, 0s);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_THAT(names[0], ElementsAre(StartsWith("lastcall::a_function_to_be_named(int)+0x1 (lastcall_core_test)")));
}

TEST(symbols, name_a_function_of_a_shared_library) {
  // Through the library's own table: &getppid in this program may be a stub of it.
  const std::uintptr_t within[] = {address_of(&getppid)};
  const auto names = detail::names_from_symbol_tables(within);
  EXPECT_THAT(names, ElementsAre(testing::AnyOf(HasSubstr("getppid"), HasSubstr("lastcall_core_test+0x"))));
}

TEST(symbols, give_file_and_line_where_there_is_debug_information) {
  const std::uintptr_t within[] = {address_of(&a_function_to_be_named) + 1};
  const auto names = detail::names_from_debug_info(within);
  if (names.empty()) GTEST_SKIP() << "skipped: built without libdw, or it is not installed";
  ASSERT_FALSE(names[0].empty());
  EXPECT_THAT(names[0].back(), StartsWith("lastcall::a_function_to_be_named(int) ("));
  EXPECT_THAT(names[0].back(), HasSubstr("symbols_test.cpp:" + std::to_string(named_at) + ")"));
  EXPECT_EQ(symbol_names(within, 20s)[0], names[0]);
}

TEST(symbols, give_the_number_where_there_is_no_code) {
  const std::uintptr_t nowhere[] = {16, 16};
  EXPECT_THAT(symbol_names(nowhere, 20s), ElementsAre(ElementsAre("0x10"), ElementsAre("0x10")));
}

TEST(symbols, are_places_in_files_until_they_are_looked_up) {
  const std::uintptr_t addresses[] = {address_of(&a_function_to_be_named), 16};
  EXPECT_THAT(detail::places_in_files(addresses), ElementsAre(StartsWith("lastcall_core_test+0x"), "0x10"));
  EXPECT_THAT(detail::places_in_files({}), testing::IsEmpty());
}

TEST(symbols, keep_the_order_of_the_addresses) {
  const std::uintptr_t within[] = {address_of(&a_function_to_be_named), 16, address_of(&a_function_to_be_named)};
  const auto names = symbol_names(within, 0s);
  ASSERT_EQ(names.size(), 3u);
  EXPECT_EQ(names[0], names[2]);
  EXPECT_THAT(names[1], ElementsAre("0x10"));
  EXPECT_TRUE(symbol_names({}, 0s).empty());
}

TEST(symbols, read_as_they_were_written) {
  EXPECT_EQ(detail::readable_symbol("_ZN8lastcall2v03net4loop3runEv"), "lastcall::net::loop::run()");
  EXPECT_EQ(detail::readable_symbol("main"), "main");
  EXPECT_EQ(detail::readable_symbol("_Znonsense"), "_Znonsense");
  EXPECT_EQ(detail::readable_symbol(std::string(500, 'x').c_str()), std::string(197, 'x') + "...");
}

}  // namespace symbols_test
}  // namespace lastcall
