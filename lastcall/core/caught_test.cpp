#include "lastcall/core/caught.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <stdexcept>
#include <thread>

#include "lastcall/core/foreign_exception_test.hpp"

namespace lastcall::caught_test {

using testing::HasSubstr;

TEST(caught, has_the_text_of_the_exception) {
  EXPECT_EQ(to_text(std::make_exception_ptr(std::runtime_error("address in use"))), "address in use");
}

TEST(caught, says_of_anything_else_that_it_is_something_else) {
  EXPECT_EQ(to_text(std::make_exception_ptr(7)), "an exception that is no std::exception");
}

TEST(caught, is_the_exception_of_c_plus_plus) {
  EXPECT_EQ(exception_of([] {}), nullptr);
  EXPECT_EQ(to_text(exception_of([] { throw std::runtime_error("address in use"); })), "address in use");
}

TEST(caught, is_never_empty_also_for_what_c_plus_plus_cannot_name) {
  for (int i = 0; i < 2; ++i)  // what was caught before must not stand in the way
    EXPECT_THAT(to_text(exception_of([] { testing_core::raise_foreign(); })), HasSubstr("not of C++"));
  EXPECT_EQ(std::current_exception(), nullptr);
  EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(caught, frees_what_it_has_caught) {
  const int before = testing_core::foreign_exceptions;
  static_cast<void>(exception_of([] { testing_core::raise_foreign(); }));
  EXPECT_EQ(testing_core::foreign_exceptions, before);
}

TEST(caught, lets_the_end_of_a_thread_go_on) {
  bool unwound = false, went_on = false;
  std::thread it([&] {
    struct on_exit {
      bool& it;
      ~on_exit() { it = true; }
    } const here{unwound};
    static_cast<void>(exception_of([] { pthread_exit(nullptr); }));
    went_on = true;
  });
  it.join();
  EXPECT_TRUE(unwound);
  EXPECT_FALSE(went_on);
}

}  // namespace lastcall::caught_test
