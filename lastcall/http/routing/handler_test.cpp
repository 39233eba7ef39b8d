#include "lastcall/http/routing/handler.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/handler_access.hpp"
#include "lastcall/http/routing/pending_reply.hpp"

namespace lastcall::http::handler_test {

namespace {
const detail::erased_handler& erased(const handler& h) { return detail::handler_access::erased(h); }
}  // namespace

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
  EXPECT_EQ(at_once.form(), form::plain);
  EXPECT_FALSE(at_once.wants_context());
  EXPECT_EQ(erased(at_once).answer(r, {}, nullptr).body(), "at once");

  const handler in_context = [](const request&, context c) { return text(c.draining() ? "draining" : "serving"); };
  EXPECT_EQ(in_context.form(), form::plain);
  EXPECT_TRUE(in_context.wants_context());
  EXPECT_EQ(erased(in_context).answer(r, source.get(), nullptr).body(), "draining");

  const handler later = [](const request&, responder reply) { reply.send(text("later")); };
  EXPECT_EQ(later.form(), form::responder);
  EXPECT_FALSE(later.wants_context());
  erased(later).answer_later(r, {}, detail::answers_through(new kept_reply(said)));
  EXPECT_EQ(said, "later");

  const handler later_in_context = [](const request&, context c, responder reply) {
    reply.send(text(c.draining() ? "late and draining" : "late"));
  };
  EXPECT_EQ(later_in_context.form(), form::responder);
  EXPECT_TRUE(later_in_context.wants_context());
  erased(later_in_context).answer_later(r, source.get(), detail::answers_through(new kept_reply(said)));
  EXPECT_EQ(said, "late and draining");
}

TEST(handler, takes_functions_and_move_only_callables) {
  const request r;
  EXPECT_EQ(erased(handler(plain_function)).answer(r, {}, nullptr).body(), "function");
  EXPECT_EQ(erased(handler(&plain_function)).answer(r, {}, nullptr).body(), "function");
  handler h = [p = std::make_unique<std::string>("moved")](const request&) { return text(*p); };
  const handler other = std::move(h);
  EXPECT_FALSE(h);
  EXPECT_EQ(erased(other).answer(r, {}, nullptr).body(), "moved");
  const auto named = [](const request&) { return text("copied"); };
  EXPECT_EQ(erased(handler(named)).answer(r, {}, nullptr).body(), "copied");
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

TEST(handler, takes_what_turns_into_one_by_itself) {
  struct chosen {
    operator handler() const { return plain_function; }
  };
  struct named : handler {
    using handler::handler;
  };
  const handler h = chosen();
  EXPECT_EQ(erased(h).answer(request(), {}, nullptr).body(), "function");
  const handler sliced = named(plain_function);
  EXPECT_EQ(sliced.form(), form::plain);
  static_assert(!std::is_constructible_v<handler, int (*)(const request&)>);
  static_assert(!std::is_constructible_v<handler, std::string>);
  static_assert(!std::is_constructible_v<handler, int>);
}

TEST(handler, a_throw_of_a_later_one_still_gives_its_responder_back) {
  const handler h = [](const request&, responder) { throw std::runtime_error("no"); };
  std::string said;
  EXPECT_THROW(erased(h).answer_later(request(), {}, detail::answers_through(new kept_reply(said))),
               std::runtime_error);
  EXPECT_EQ(said, "unanswered");
}

TEST(handler, tells_coroutines_and_blocking_ones_by_their_type) {
  const handler awaits = [](const request&) -> task<response> { co_return text("awaited"); };
  EXPECT_EQ(awaits.form(), form::coroutine);
  EXPECT_FALSE(awaits.wants_context());
  EXPECT_FALSE(awaits.streams_body());
  const handler streams = [](const request&, context, body_stream) -> task<response> { co_return text("streamed"); };
  EXPECT_EQ(streams.form(), form::coroutine);
  EXPECT_TRUE(streams.wants_context());
  EXPECT_TRUE(streams.streams_body());

  const handler blocks = blocking([](const request&) { return text("blocked"); });
  EXPECT_EQ(blocks.form(), form::blocking);
  EXPECT_EQ(erased(blocks).answer(request(), {}, nullptr).body(), "blocked");
  const handler owns = blocking([p = std::make_unique<int>(7)](const request&, context) { return status_only(207); });
  EXPECT_TRUE(owns.wants_context());
  EXPECT_FALSE(owns.streams_body());
  EXPECT_EQ(erased(owns).answer(request(), {}, nullptr).status(), 207);
  const handler takes = blocking([](const request&, body_stream) { return status_only(200); });
  EXPECT_TRUE(takes.streams_body());

  auto by_reference = [](const request&, body_stream&) -> task<response> { co_return text("dangles"); };
  auto by_rvalue = [](const request&, context, body_stream&&) -> task<response> { co_return text("dangles"); };
  static_assert(!std::is_constructible_v<handler, decltype(by_reference)>);
  static_assert(!std::is_constructible_v<handler, decltype(by_rvalue)>);
  static_assert(!std::is_constructible_v<handler, decltype(blocking(by_reference))>);
  auto plain_with_body = [](const request&, body_stream) { return text("would block the loop"); };
  static_assert(!std::is_constructible_v<handler, decltype(plain_with_body)>);
}

TEST(handler, has_route_options) {
  const handler h = handler(plain_function).max_body(7).gone_at_fin();
  EXPECT_EQ(h.options().max_body, 7U);
  EXPECT_TRUE(h.options().gone_at_fin);
  EXPECT_EQ(handler(plain_function).options().max_body, std::nullopt);
}

}  // namespace lastcall::http::handler_test
