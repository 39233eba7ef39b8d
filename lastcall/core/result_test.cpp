#include "lastcall/core/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace lastcall::result_test {

result<int> half(int number) {
  if (number % 2 != 0) return std::errc::invalid_argument;
  return number / 2;
}

TEST(result, holds_a_value) {
  const auto four = half(8);
  ASSERT_TRUE(four);
  EXPECT_TRUE(four.has_value());
  EXPECT_EQ(*four, 4);
  EXPECT_EQ(four.value(), 4);
  EXPECT_FALSE(four.error());
  EXPECT_EQ(four.value_or(1), 4);
}

TEST(result, holds_the_reason_why_there_is_none) {
  const auto none = half(7);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), std::errc::invalid_argument);
  EXPECT_EQ(none.value_or(1), 1);
  EXPECT_THROW(static_cast<void>(none.value()), std::system_error);
  EXPECT_THROW(static_cast<void>(*none), std::system_error);
  EXPECT_THROW(static_cast<void>(result<std::string>(std::errc::io_error)->size()), std::system_error);
}

TEST(result, takes_an_error_code_of_any_category) {
  const std::error_code reset(ECONNRESET, std::system_category());
  const result<std::string> none = reset;
  EXPECT_EQ(none.error(), reset);
}

struct told : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST(result, throws_an_error_that_is_an_exception_as_it_is) {
  const result<int, told> none = told("who holds it");
  ASSERT_FALSE(none);
  EXPECT_STREQ(none.error().what(), "who holds it");
  EXPECT_THROW(static_cast<void>(*none), told);
  EXPECT_THROW(static_cast<void>(none.value()), told);
  EXPECT_EQ((*result<int, told>(3)), 3);
}

TEST(result, moves_what_can_only_be_moved) {
  result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  ASSERT_TRUE(owner);
  const std::unique_ptr<int> taken = *std::move(owner);
  EXPECT_EQ(*taken, 5);
  EXPECT_EQ(*result<std::unique_ptr<int>>(std::make_unique<int>(6)).value(), 6);
}

TEST(result, converts_what_converts_to_the_value) {
  const result<std::string> text = "text";
  EXPECT_EQ(text->size(), 4u);
  const result<bool> fact = false;
  ASSERT_TRUE(fact);
  EXPECT_FALSE(*fact);
}

TEST(result, of_void_is_done_or_says_why_not) {
  const result<void> done;
  EXPECT_TRUE(done);
  EXPECT_NO_THROW(done.value());
  const result<void> failed = std::errc::timed_out;
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error(), std::errc::timed_out);
  EXPECT_THROW(failed.value(), std::system_error);
}

}  // namespace lastcall::result_test
