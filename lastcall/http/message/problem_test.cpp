#include "lastcall/http/message/problem.hpp"

#include <gtest/gtest.h>

#include "lastcall/http/message/request.hpp"

namespace lastcall::http::problem_test {

TEST(problem, has_the_members_of_the_standard) {
  const response r = problem(409, "no \"tea\" left");
  EXPECT_EQ(r.status(), 409);
  EXPECT_EQ(r.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(r.body(), R"({"type":"about:blank","title":"Conflict","status":409,"detail":"no \"tea\" left"})"
                      "\n");
  EXPECT_EQ(problem(404).body(), R"({"type":"about:blank","title":"Not Found","status":404})"
                                 "\n");
}

TEST(problem, is_made_of_an_error_in_plain_text_and_of_nothing_else) {
  const request none;
  const auto made_of = [&](response r) {
    problem_json(none, r);
    return r;
  };
  response own = made_of(text("503 Service Unavailable: too many connections\n", 503).header("Retry-After", "1"));
  EXPECT_EQ(own.body(),
            R"({"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections"})"
            "\n");
  EXPECT_EQ(own.header("Retry-After"), "1");
  EXPECT_EQ(made_of(text("404 Not Found\n", 404)).body(), R"({"type":"about:blank","title":"Not Found","status":404})"
                                                          "\n");
  EXPECT_EQ(made_of(text("no such order\n", 404)).body(),
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"no such order"})"
            "\n");
  EXPECT_EQ(made_of(text("fine\n")).body(), "fine\n");
  EXPECT_EQ(made_of(json("{}", 400)).body(), "{}");
  EXPECT_EQ(made_of(html("<p>no", 404)).body(), "<p>no");
}

}  // namespace lastcall::http::problem_test
