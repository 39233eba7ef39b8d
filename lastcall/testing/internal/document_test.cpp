#include "lastcall/testing/internal/document.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace lastcall::testing::document_test {

TEST(document, reads_by_path) {
  const document one(R"({"requests":{"begun":12},"loads":[{"lost":0},{"lost":1.5}],"why":null,"name":"a","ok":true})");
  EXPECT_TRUE(one);
  EXPECT_EQ(one.number("requests.begun"), 12);
  EXPECT_EQ(one.number("loads.1.lost"), 1.5);
  EXPECT_TRUE(std::isnan(one.number("why")));
  EXPECT_EQ(one.text("name"), "a");
  EXPECT_EQ(one.text("ok"), "true");
  EXPECT_EQ(one.size("loads"), 2u);
  EXPECT_EQ(one.size("requests"), 1u);
  EXPECT_TRUE(one.has("loads.0"));
}

TEST(document, names_the_path_that_is_not_there) {
  const document one(R"({"loads":[{}]})");
  for (const char* path : {"load", "loads.1", "loads.x", "loads.0.lost", "loads.0.lost.late"}) {
    EXPECT_FALSE(one.has(path)) << path;
    try {
      one.number(path);
      ADD_FAILURE() << path;
    } catch (const std::out_of_range& e) {
      EXPECT_EQ(e.what(), "no \"" + std::string(path) + "\" in the document");
    }
  }
}

TEST(document, is_not_there_without_text_and_no_document_without_json) {
  EXPECT_FALSE(document());
  EXPECT_FALSE(document(""));
  EXPECT_FALSE(document::from_file("/nowhere.json"));
  EXPECT_FALSE(document().has("a"));
  EXPECT_THROW(document("{\"a\":"), std::invalid_argument);
  EXPECT_THROW(document("{\"a\":\"b\"}").number("a"), std::invalid_argument);
}

}  // namespace lastcall::testing::document_test
