#include "lastcall/http/message/problem.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/status.hpp"

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

TEST(problem, takes_further_members_of_each_kind_and_escapes_them) {
  const std::string name = "bread\n";
  const response r = problem(422, "not in stock",
                             {{"item", name},
                              {"why", "\"gone\""},
                              {"left", 0},
                              {"most", std::numeric_limits<std::uint64_t>::max()},
                              {"price", 1.5},
                              {"again", true},
                              problem_member::json("errors", R"([{"field":"count"}])")});
  EXPECT_EQ(r.body(), R"({"type":"about:blank","title":")" + std::string(reason_phrase(422)) +
                          R"(","status":422,"detail":"not in stock","item":"bread\n","why":"\"gone\"","left":0,)"
                          R"("most":18446744073709551615,"price":1.5,"again":true,"errors":[{"field":"count"}]})"
                          "\n");
}

TEST(problem, may_have_a_type_and_a_title_of_its_own) {
  EXPECT_EQ(
      problem(403, "30 are left", {{"balance", 30}, {"title", "No credit"}, {"type", "https://a.example/credit"}})
          .body(),
      R"({"type":"https://a.example/credit","title":"No credit","status":403,"detail":"30 are left","balance":30})"
      "\n");
}

TEST(problem, refuses_members_that_would_be_no_json_or_there_twice) {
  for (const char* name : {"", "a\"b", "a b", "a-b", "ä"}) EXPECT_THROW(problem_member(name, 1), std::invalid_argument);
  for (const char* name : {"status", "detail"}) EXPECT_THROW(problem(400, "", {{name, 1}}), std::invalid_argument);
  EXPECT_THROW(problem(400, "", {{"a", 1}, {"b", 2}, {"a", 3}}), std::invalid_argument);
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
