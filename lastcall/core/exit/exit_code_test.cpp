#include "lastcall/core/exit/exit_code.hpp"

#include <gtest/gtest.h>

namespace lastcall::exit_code_test {

TEST(exit_code, is_a_number_of_its_own_for_each_outcome) {
  EXPECT_EQ(exit_code_of(outcome::graceful), 0);
  EXPECT_EQ(exit_code_of(outcome::failed), 1);
  EXPECT_EQ(exit_code_of(outcome::forced), 3);
  EXPECT_EQ(exit_code_of(outcome::hung), 4);
  EXPECT_EQ(exit_codes::by_signal(15), 143);
}

TEST(exit_code, is_that_of_the_components_when_nothing_failed) {
  for (const outcome each : {outcome::graceful, outcome::forced, outcome::hung})
    EXPECT_EQ(final_outcome(each, {}), each);
}

TEST(exit_code, tells_of_a_failed_component_only_when_nothing_was_forced_or_hangs) {
  EXPECT_EQ(final_outcome(outcome::graceful, {.of_component = true}), outcome::failed);
  EXPECT_EQ(final_outcome(outcome::forced, {.of_component = true}), outcome::forced);
  EXPECT_EQ(final_outcome(outcome::hung, {.of_component = true}), outcome::hung);
}

TEST(exit_code, tells_of_a_failed_start_before_all_else) {
  for (const outcome each : {outcome::graceful, outcome::forced, outcome::hung})
    EXPECT_EQ(final_outcome(each, {.of_start = true}), outcome::failed);
}

}  // namespace lastcall::exit_code_test
