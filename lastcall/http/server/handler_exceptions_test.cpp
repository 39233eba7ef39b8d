// What C++ can't name, and the end of a thread, in handlers of every form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <string>

#include "lastcall/core/foreign_exception_test.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/websocket_visitor_test.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::http::handler_exceptions_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_core::raise_foreign;

struct always {
  explicit always(void (*f)()) : leave(f) {}
  void operator()() const {
    if (leave) leave();
  }
  void (*leave)();
};

/// A route for each form; in each, `out` is called.
router routes(always out) {
  router r;
  r.get("/", [](const request&) { return text("hello\n"); });
  r.get("/plain", [out](const request&) {
    out();
    return text("");
  });
  r.get("/responder", [out](const request&, responder) { out(); });
  r.get("/coroutine", [out](const request&) -> task<response> {
    out();
    co_return text("");
  });
  r.get("/blocking", blocking([out](const request&) {
          out();
          return text("");
        }));
  r.get("/streamed", [out](const request&) {
    return streamed([out](body_writer to) -> task<> {
      co_await to.write("some");
      out();
    });
  });
  r.get("/streamed_blocking", [out](const request&) {
    return streamed_blocking([out](body_writer to) {
      to.write_blocking("some");
      out();
    });
  });
  const middleware whole = around([](const request&, const context&, const next_handler& go) { return go(); });
  r.get("/around/blocking", whole(blocking([out](const request&) {
          out();
          return text("");
        })));
  r.get("/around", around([out](const request&, const context&, const next_handler& go) -> task<response> {
          response said = co_await go();
          out();
          co_return said;
        })(handler([](const request&) { return text(""); })));
  r.get("/before", before([out](const request&) -> std::optional<response> {
          out();
          return std::nullopt;
        })(handler([](const request&) { return text(""); })));
  r.get("/after", after([out](const request&, response&) { out(); })(handler([](const request&) { return text(""); })));
  r.get("/after/responder", after([out](const request&, response&) { out(); })(
                                handler([](const request&, responder reply) { reply.send(text("")); })));
  r.websocket("/ws", [out](ws::stream s) -> task<> {
    co_await s.read();
    out();
  });
  r.websocket("/ws/blocking", blocking([out](ws::stream s) {
                s.read_blocking();
                out();
              }));
  return r;
}

TEST(handler_exceptions, that_have_no_name_are_a_500_in_every_form_and_end_nothing) {
  serving_test s({.routes = routes(always(raise_foreign))});
  for (const char* target : {"/plain", "/responder", "/coroutine", "/blocking", "/around/blocking", "/around",
                             "/before", "/after", "/after/responder"}) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(s.get(target).status, 500) << target;
  }
  EXPECT_EQ(s.get("/").status, 200);
}

TEST(handler_exceptions, that_have_no_name_cut_a_body_so_that_its_client_sees_it) {
  serving_test s({.routes = routes(always(raise_foreign))});
  for (const char* target : {"/streamed", "/streamed_blocking"}) {
    auto c = s.enters();
    c.say(request_for(target));
    EXPECT_THAT(c.hear_until("0\r\n\r\n"), ::testing::Not(::testing::EndsWith("0\r\n\r\n"))) << target;
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().broken == 2; }));
}

TEST(handler_exceptions, that_have_no_name_close_a_websocket_with_1011) {
  serving_test s({.routes = routes(always(raise_foreign))});
  for (const char* target : {"/ws", "/ws/blocking"}) {
    ws::visitor v(s, target);
    v.say("go on");
    EXPECT_EQ(v.hear(), "close 1011") << target;
  }
}

TEST(handler_exceptions, of_an_access_log_without_a_name_end_nothing) {
  server_options o{.routes = routes(always(nullptr))};
  o.access_log = [](const access_record&) { raise_foreign(); };
  serving_test s(std::move(o));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(s.get("/").status, 200);
}

// The only thread of the pool ends each time: the next job has another one.
TEST(handler_exceptions, that_end_a_thread_of_the_pool_are_a_500_and_the_thread_ends) {
  serving_test s({.routes = routes(always([] { pthread_exit(nullptr); })), .blocking = {.threads = 1}});
  for (int i = 0; i < 3; ++i)
    for (const char* target : {"/blocking", "/around/blocking"}) EXPECT_EQ(s.get(target).status, 500) << target;
  auto c = s.enters();
  c.say(request_for("/streamed_blocking"));
  EXPECT_THAT(c.hear_until("0\r\n\r\n"), ::testing::Not(::testing::EndsWith("0\r\n\r\n")));
  ws::visitor v(s, "/ws/blocking");
  v.say("go on");
  EXPECT_EQ(v.hear(), "close 1011");
  v.c.say(ws::visitor::close(1011));
  v.c.close();
  c.close();
  s.drain();
  EXPECT_TRUE(s.wait_drained());
}

TEST(handler_exceptions_death, that_end_a_loops_thread_are_named_before_the_process_ends) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ends_in = [](const char* target) {
    serving_test s({.routes = routes(always([] { pthread_exit(nullptr); }))});
    s.get(target);
  };
  EXPECT_DEATH(ends_in("/plain"), "a handler ended its thread .*in \"GET /plain\"");
  EXPECT_DEATH(ends_in("/responder"), "a handler ended its thread .*in \"GET /responder\"");
  EXPECT_DEATH(ends_in("/coroutine"), "a coroutine ended its thread .*of component \"runtime\"");
}

}  // namespace lastcall::http::handler_exceptions_test
