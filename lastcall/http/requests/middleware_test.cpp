#include "lastcall/http/requests/middleware.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::middleware_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Adds its letter to a header on the way in and on the way out.
middleware letters(std::string letter) {
  return around([letter](const request&, const context&, const next_handler& rest) -> task<response> {
    response r = co_await rest();
    r.header("X-Way", letter + std::string(r.header("X-Way")) + letter);
    co_return r;
  });
}

/// Every form, each answering with its name.
router routes(router r) {
  r.get("/plain", [](const request&) { return text("plain"); });
  r.get("/responder", [](const request&, responder to) { to.send(text("responder")); });
  r.get("/coroutine", [](const request&, context c) -> task<response> {
    co_await net::wait_for(c, 1ms);
    co_return text("coroutine");
  });
  r.get("/blocking", blocking([](const request&) { return text("blocking"); }));
  r.get("/throws", [](const request&) -> response { throw std::runtime_error("no"); });
  r.get("/blocking-throws", blocking([](const request&) -> response { throw std::runtime_error("no"); }));
  return r;
}

const char* const forms[] = {"plain", "responder", "coroutine", "blocking"};

TEST(middleware, before_answers_in_place_of_a_handler_of_any_form) {
  router r;
  r.use(before([](const request& req) -> std::optional<response> {
    if (req.header("X-Key") == "right") return std::nullopt;
    return text("who are you?", 401);
  }));
  serving_test s({.routes = routes(std::move(r))});
  for (const std::string form : forms) {
    EXPECT_EQ(s.get("/" + form).status, 401) << form;
    const auto let_in = s.get("/" + form, "X-Key: right\r\n");
    EXPECT_EQ(let_in.status, 200) << form;
    EXPECT_EQ(let_in.body, form);
  }
  EXPECT_EQ(s.get("/nowhere").status, 404) << "no handler, so nothing stands before it";
}

TEST(middleware, after_changes_the_answer_of_a_handler_of_any_form) {
  router r;
  r.use(after([](const request& req, response& said) { said.header("X-Path", req.path()); }));
  serving_test s({.routes = routes(std::move(r))});
  for (const std::string form : forms) {
    const auto said = s.get("/" + form);
    EXPECT_EQ(said.body, form);
    EXPECT_THAT(said.head, HasSubstr("\r\nX-Path: /" + form + "\r\n"));
  }
  EXPECT_EQ(s.get("/throws").status, 500);
}

TEST(middleware, after_that_throws_is_a_500_for_every_form) {
  router r;
  r.use(after([](const request&, response&) { throw std::runtime_error("no"); }));
  serving_test s({.routes = routes(std::move(r))});
  for (const std::string form : forms) EXPECT_EQ(s.get("/" + form).status, 500) << form;
}

TEST(middleware, around_wraps_handlers_of_any_form_the_first_outermost) {
  router r;
  r.use(letters("a")).use(letters("b"));
  serving_test s({.routes = routes(std::move(r))});
  for (const std::string form : forms) {
    const auto said = s.get("/" + form);
    EXPECT_EQ(said.body, form);
    EXPECT_THAT(said.head, HasSubstr("\r\nX-Way: abba\r\n")) << form;
  }
  EXPECT_EQ(s.get("/throws").status, 500);
  EXPECT_EQ(s.get("/blocking-throws").status, 500);
}

TEST(middleware, around_can_answer_itself_catch_and_wait) {
  router r;
  r.use(around([](const request& req, const context& c, const next_handler& rest) -> task<response> {
    if (req.has_header("X-Stop")) co_return text("stopped");
    if (req.has_header("X-Wait")) co_await net::wait_for(c, 5ms);
    std::string why;
    try {
      co_return co_await rest();
    } catch (const std::exception& error) {
      why = error.what();
    }
    co_return text("caught " + why, 502);
  }));
  serving_test s({.routes = routes(std::move(r))});
  EXPECT_EQ(s.get("/plain", "X-Stop: 1\r\n").body, "stopped");
  EXPECT_EQ(s.get("/plain", "X-Wait: 1\r\n").body, "plain");
  EXPECT_EQ(s.get("/throws").body, "caught no");
}

TEST(middleware, around_a_full_pool_says_503) {
  const auto arrived = std::make_shared<countdown>(2), open = std::make_shared<countdown>(1);
  router r;
  r.use(letters("a"));
  r.get("/held", blocking([=](const request&) {
          arrived->count_down();
          open->wait_until(steady().now() + 20s);
          return text("held");
        }));
  serving_test s({.routes = std::move(r), .blocking = {.threads = 2, .queue = 0}});
  auto one = s.enters(), two = s.enters();
  one.say(request_for("/held"));
  two.say(request_for("/held"));
  ASSERT_TRUE(arrived->wait_until(steady().now() + 20s));
  const auto refused = s.get("/held");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.head, HasSubstr("\r\nRetry-After: 1\r\n"));
  open->count_down();
  EXPECT_EQ(next_reply(one).body, "held");
  EXPECT_EQ(next_reply(two).body, "held");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 3; })) << "a handler has passed it on";
  EXPECT_EQ(s.it.requests().rejected, 0U);
}

TEST(middleware, around_a_full_pool_may_answer_in_its_place) {
  const auto arrived = std::make_shared<countdown>(1), open = std::make_shared<countdown>(1);
  router r;
  r.use(around([](const request&, const context&, const next_handler& rest) -> task<response> {
    const response said = co_await rest();
    co_return text(said.status() == 503 ? "from the cache" : said.body());
  }));
  r.get("/held", blocking([=](const request&) {
          arrived->count_down();
          open->wait_until(steady().now() + 20s);
          return text("held");
        }));
  serving_test s({.routes = std::move(r), .blocking = {.threads = 1, .queue = 0}});
  auto one = s.enters();
  one.say(request_for("/held"));
  ASSERT_TRUE(arrived->wait_until(steady().now() + 20s));
  EXPECT_EQ(s.get("/held").body, "from the cache");
  open->count_down();
  EXPECT_EQ(next_reply(one).body, "held");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 2; }));
}

TEST(middleware, comes_before_the_routes) {
  router r;
  r.get("/", [](const request&) { return text(""); });
  EXPECT_THROW(r.use(letters("a")), std::logic_error);
  EXPECT_THROW(router().use(nullptr), std::invalid_argument);
}

TEST(middleware, is_refused_when_it_is_empty_or_returns_nothing) {
  EXPECT_THROW(before({}), std::invalid_argument);
  EXPECT_THROW(after({}), std::invalid_argument);
  EXPECT_THROW(around({}), std::invalid_argument);
  router r;
  r.use([](const handler&) { return handler(); });
  EXPECT_THROW(r.get("/", [](const request&) { return text(""); }), std::invalid_argument);
}

}  // namespace lastcall::http::middleware_test
