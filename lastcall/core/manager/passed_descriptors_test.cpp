#include "lastcall/core/manager/passed_descriptors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>

namespace lastcall::passed_descriptors_test {

using ::testing::HasSubstr;

std::string read(std::map<std::string, std::string> variables) {
  std::string text;
  try {
    for (const auto& each : detail::passed_descriptors(
             [&](const char* name) -> const char* {
               const auto found = variables.find(name);
               return found == variables.end() ? nullptr : found->second.c_str();
             },
             7))
      text += std::to_string(each.fd) + "=" + each.name + " ";
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return text;
}

TEST(passed_descriptors, begin_at_three_and_have_names) {
  EXPECT_EQ(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "http:admin"}}), "3=http 4=admin ");
  EXPECT_EQ(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "http:"}}), "3=http 4= ");
  EXPECT_EQ(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "2"}}), "3= 4= ");
  EXPECT_EQ(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "0"}}), "");
}

TEST(passed_descriptors, of_others_are_not_ours) {
  EXPECT_EQ(read({}), "");
  EXPECT_EQ(read({{"LISTEN_FDS", "1"}}), "");
  EXPECT_EQ(read({{"LISTEN_PID", "8"}, {"LISTEN_FDS", "nonsense"}}), "");
}

TEST(passed_descriptors, that_lie_are_refused_by_value) {
  for (const char* wrong : {"-1", "x", "1025", "99999999999999"})
    EXPECT_THAT(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", wrong}}), HasSubstr("LISTEN_FDS=\"" + std::string(wrong)));
  EXPECT_THAT(read({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "a:b"}}),
              HasSubstr("LISTEN_FDNAMES=\"a:b\" does not name the 1 descriptors"));
}

}  // namespace lastcall::passed_descriptors_test
