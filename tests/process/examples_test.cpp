// Each example runs as its page says, and ends without loss.
#include <gtest/gtest.h>

#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

TEST(examples, hello_answers_by_name_and_loses_nothing_when_told_to_stop) {
  // It listens on port 8080, as its source says; probe waits until it does.
  child_process probe({program("lastcall"), "probe", "--address", "http://127.0.0.1:8080", "--after", "300ms", "--load",
                       "busy:16,path=/hello/world", "--load", "fresh:8,path=/hello/%C3%A9", "--load",
                       "busy:2,path=/readyz", "--allow-5xx", "--", program("hello")});
  const auto ended = probe.wait(deadline(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << probe.output() << probe.errors();
  EXPECT_NE(probe.output().find("nothing lost"), std::string::npos) << probe.output();
  EXPECT_NE(probe.errors().find("exit 0"), std::string::npos) << "its summary goes to stderr: " << probe.errors();
}

}  // namespace
