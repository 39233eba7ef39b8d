#include "lastcall/http/message/form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lastcall/http/message/request_access.hpp"

namespace lastcall::http::form_test {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::IsEmpty;

TEST(form, has_all_fields_in_order_decoded) {
  EXPECT_THAT(parse_form("a=1&b=x+y%21&a=%C3%A9&c&d=&=e&&f=1=2"),
              ElementsAre(FieldsAre("a", "1"), FieldsAre("b", "x y!"), FieldsAre("a", "\xC3\xA9"), FieldsAre("c", ""),
                          FieldsAre("d", ""), FieldsAre("", "e"), FieldsAre("f", "1=2")));
  EXPECT_THAT(parse_form(""), IsEmpty());
  EXPECT_THAT(parse_form("&&"), IsEmpty());
}

TEST(form, leaves_a_percent_without_digits_as_it_is) {
  EXPECT_THAT(parse_form("a=%&b=%4&c=%zz&d=100%25"),
              ElementsAre(FieldsAre("a", "%"), FieldsAre("b", "%4"), FieldsAre("c", "%zz"), FieldsAre("d", "100%")));
}

TEST(form, finds_the_first_value_of_a_name) {
  const auto all = parse_form("a=1&b=2&a=3");
  EXPECT_EQ(value_of(all, "a"), "1");
  EXPECT_EQ(value_of(all, "b"), "2");
  EXPECT_EQ(value_of(all, "c"), std::nullopt);
}

}  // namespace lastcall::http::form_test
