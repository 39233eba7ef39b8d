#include "lastcall/http/handler.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "lastcall/http/detail/pending_reply.hpp"

namespace lastcall::http {
namespace {

response plain_function(const request&) { return text("function"); }

class kept_reply final : public detail::pending_reply {
 public:
  explicit kept_reply(std::string& said) : said_(said) {}
  void reply(response&& r) noexcept override { said_ = r.body(); }
  void unanswered() noexcept override { said_ = "unanswered"; }
  bool gone() const noexcept override { return false; }

 private:
  std::string& said_;
};

TEST(handler, takes_each_of_the_four_shapes) {
  const request r;
  context_source source;
  source.begin_drain(time_point{});
  std::string said;

  const handler at_once = [](const request&) { return text("at once"); };
  EXPECT_FALSE(at_once.answers_later());
  EXPECT_FALSE(at_once.wants_context());
  EXPECT_EQ(at_once(r, {}).body(), "at once");

  const handler in_context = [](const request&, context c) { return text(c.draining() ? "draining" : "serving"); };
  EXPECT_FALSE(in_context.answers_later());
  EXPECT_TRUE(in_context.wants_context());
  EXPECT_EQ(in_context(r, source.get()).body(), "draining");

  const handler later = [](const request&, responder reply) { reply.send(text("later")); };
  EXPECT_TRUE(later.answers_later());
  EXPECT_FALSE(later.wants_context());
  later(r, {}, responder(new kept_reply(said)));
  EXPECT_EQ(said, "later");

  const handler later_in_context = [](const request&, context c, responder reply) {
    reply.send(text(c.draining() ? "late and draining" : "late"));
  };
  EXPECT_TRUE(later_in_context.answers_later());
  EXPECT_TRUE(later_in_context.wants_context());
  later_in_context(r, source.get(), responder(new kept_reply(said)));
  EXPECT_EQ(said, "late and draining");
}

TEST(handler, takes_functions_and_move_only_callables) {
  const request r;
  EXPECT_EQ(handler(plain_function)(r, {}).body(), "function");
  EXPECT_EQ(handler(&plain_function)(r, {}).body(), "function");
  handler h = [p = std::make_unique<std::string>("moved")](const request&) { return text(*p); };
  const handler other = std::move(h);
  EXPECT_FALSE(h);
  EXPECT_EQ(other(r, {}).body(), "moved");
  const auto named = [](const request&) { return text("copied"); };
  EXPECT_EQ(handler(named)(r, {}).body(), "copied");
}

TEST(handler, refuses_what_could_race_or_lose_an_answer) {
  auto counts = [n = 0](const request&) mutable { return text(std::to_string(++n)); };
  auto silent = [](const request&) {};
  auto both = [](const request&, responder) { return text("which?"); };
  auto number = [](const request&) { return 200; };
  static_assert(!std::is_constructible_v<handler, decltype(counts)>);
  static_assert(!std::is_constructible_v<handler, decltype(silent)>);
  static_assert(!std::is_constructible_v<handler, decltype(both)>);
  static_assert(!std::is_constructible_v<handler, decltype(number)>);
  static_assert(!std::is_copy_constructible_v<handler>);
}

TEST(handler, a_throw_of_a_later_one_still_gives_its_responder_back) {
  const handler h = [](const request&, responder) { throw std::runtime_error("no"); };
  std::string said;
  EXPECT_THROW(h(request(), {}, responder(new kept_reply(said))), std::runtime_error);
  EXPECT_EQ(said, "unanswered");
}

TEST(handler, one_that_answers_at_once_can_be_called_with_a_responder_too) {
  std::string said;
  handler{plain_function}(request(), {}, responder(new kept_reply(said)));
  EXPECT_EQ(said, "function");
}

}  // namespace
}  // namespace lastcall::http
