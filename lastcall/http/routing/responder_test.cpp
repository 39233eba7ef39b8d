#include "lastcall/http/routing/responder.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/pending_reply.hpp"

namespace lastcall::http::responder_test {

struct outcome {
  std::string body;
  int replies = 0;
  int unanswered = 0;
  int destroyed = 0;
  std::atomic<bool> gone = false;
};

class recorded_reply final : public detail::pending_reply {
 public:
  explicit recorded_reply(outcome& o) : outcome_(o) {}
  ~recorded_reply() override { ++outcome_.destroyed; }
  void reply(response&& r) noexcept override {
    ++outcome_.replies;
    outcome_.body = r.body();
  }
  void unanswered() noexcept override { ++outcome_.unanswered; }
  bool gone() const noexcept override { return outcome_.gone; }

 private:
  outcome& outcome_;
};

TEST(responder, sends_once_and_lets_go) {
  outcome o;
  responder r = detail::answers_through(new recorded_reply(o));
  EXPECT_TRUE(r);
  EXPECT_FALSE(r.gone());
  r.send(text("late"));
  EXPECT_FALSE(r);
  EXPECT_TRUE(r.gone());
  EXPECT_EQ(o.body, "late");
  EXPECT_EQ(o.destroyed, 1);
  EXPECT_THROW(r.send(text("twice")), std::logic_error);
  EXPECT_EQ(o.replies, 1);
}

TEST(responder, destroyed_without_an_answer_says_so_once) {
  outcome o;
  { responder r = detail::answers_through(new recorded_reply(o)); }
  EXPECT_EQ(o.unanswered, 1);
  EXPECT_EQ(o.replies, 0);
  EXPECT_EQ(o.destroyed, 1);
}

TEST(responder, moves_the_duty_to_answer) {
  outcome first, second;
  responder a = detail::answers_through(new recorded_reply(first));
  responder b(std::move(a));
  EXPECT_FALSE(a);
  responder c = detail::answers_through(new recorded_reply(second));
  c = std::move(b);
  EXPECT_EQ(second.unanswered, 1);
  EXPECT_EQ(first.unanswered, 0);
  c.send(text("x"));
  EXPECT_EQ(first.replies, 1);
}

TEST(responder, an_empty_one_owes_nothing) {
  responder r;
  EXPECT_FALSE(r);
  EXPECT_TRUE(r.gone());
  EXPECT_THROW(r.send(response()), std::logic_error);
}

TEST(responder, tells_that_the_client_is_gone) {
  outcome o;
  responder r = detail::answers_through(new recorded_reply(o));
  o.gone = true;
  EXPECT_TRUE(r.gone());
  EXPECT_TRUE(r);
  r.send(text("to nobody"));
  EXPECT_EQ(o.replies, 1);
}

TEST(responder, answers_from_another_thread_while_the_session_holds_its_reference) {
  outcome o;
  auto* pending = new recorded_reply(o);
  pending->acquire();
  std::thread([r = detail::answers_through(pending)]() mutable { r.send(text("from afar")); }).join();
  EXPECT_EQ(o.destroyed, 0);
  EXPECT_EQ(o.body, "from afar");
  pending->release();
  EXPECT_EQ(o.destroyed, 1);
}

}  // namespace lastcall::http::responder_test
