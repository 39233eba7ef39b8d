#include <gtest/gtest.h>

#include "lastcall/http/files/file.hpp"

namespace lastcall::http::content_type_test {

TEST(content_type, goes_by_the_end_of_the_name) {
  EXPECT_EQ(content_type_of("/srv/www/index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("a.b/APP.JS"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type_of("font.woff2"), "font/woff2");
  EXPECT_EQ(content_type_of("archive.tar.gz"), "application/octet-stream");
  EXPECT_EQ(content_type_of("a.html/readme"), "application/octet-stream") << "of the folder";
  EXPECT_EQ(content_type_of(""), "application/octet-stream");
  EXPECT_EQ(content_type_of("name."), "application/octet-stream");
}

}  // namespace lastcall::http::content_type_test
