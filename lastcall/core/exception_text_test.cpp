#include "lastcall/core/exception_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace lastcall::exception_text_test {

TEST(exception_text, is_what_the_exception_says) {
  EXPECT_EQ(to_text(std::make_exception_ptr(std::runtime_error("address in use"))), "address in use");
}

TEST(exception_text, of_anything_else_says_that_it_is_something_else) {
  EXPECT_EQ(to_text(std::make_exception_ptr(7)), "an exception that is no std::exception");
}

}  // namespace lastcall::exception_text_test
