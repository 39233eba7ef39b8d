// What the log says of requests whose timeout passed: what their clients were told, and not a line for each of many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/http/h2/h2_conversation_test.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::timeout_log_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_net::client;
using testing_net::generous;

struct logged_server {
  logged_server() {
    on.start({});
    it.start({});
  }
  ~logged_server() {
    it.stop();
    on.stop();
  }
  logged_server& operator=(logged_server&&) = delete;

  std::vector<std::string> lines() {
    const std::lock_guard held(mutex_);
    return lines_;
  }
  std::ptrdiff_t count(const char* text) {
    const auto all = lines();
    return std::ranges::count_if(all, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  template <class F> bool eventually(F fact) {
    for (const time_point by = steady().now() + generous; !fact() && steady().now() < by;)
      std::this_thread::sleep_for(1ms);
    return fact();
  }
  reply get(std::string_view target) {
    client c(it.addresses().at(0));
    c.say(request_for(target));
    return next_reply(c);
  }

 private:
  static server_options with_routes() {
    server_options o{.address = "127.0.0.1", .port = 0, .jitter = 0s};
    o.h2c = true;
    const auto planned = [] { throw std::runtime_error("planned"); };
    o.routes.get("/throws", [=](const request&) -> response { return planned(), text(""); });
    o.routes.group("/late", [=](router& late) {
      late.use(timeout(50ms));
      late.get("/plain", [=](const request&, const context& c) -> response {
        c.wait_until_forced_for(generous);
        return planned(), text("");
      });
      late.get("/coroutine", [=](const request&, context c) -> task<response> {
        co_await net::wait_until_forced_for(c, generous);
        planned();
        co_return text("");
      });
      late.get("/blocking", handler(blocking([=](const request&, const context& c) -> response {
                              c.wait_until_forced_for(generous);
                              return planned(), text("");
                            })).timeout(2s));  // a thread for it may come late
      late.get("/responder", [=](const request&, responder) {
        for (const time_point until = steady().now() + 50ms; steady().now() < until;) std::this_thread::yield();
        planned();
      });
    });
    // It begins before its time is up, also where the machine is busy.
    o.routes.get("/made", handler([](const request&) {
                            return streamed([](body_writer to) -> task<> {
                              while (co_await to.write("drip")) co_await net::wait_until_forced_for({}, 50ms);
                            });
                          }).timeout(2s));
    return o;
  }
  logger log() {
    return logger(log_level::debug, [this](const log_record& r) {
      std::string line(r.text);
      for (const log_field& each : r.fields) line.append(" ").append(each.key).append("=").append(each.value);
      const std::lock_guard held(mutex_);
      lines_.push_back(std::move(line));
    });
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;

 public:
  net::runtime on{{.threads = 1, .log = log()}};
  server it{with_routes(), on, log()};
};

TEST(timeout_log, says_of_a_handler_that_throws_after_its_time_what_its_client_was_told) {
  for (const char* form : {"plain", "coroutine", "blocking", "responder"}) {
    SCOPED_TRACE(form);
    logged_server s;
    EXPECT_EQ(s.get(std::string("/late/") + form).status, 504);
    EXPECT_TRUE(s.eventually([&] { return s.count("a handler threw when its request was over what=planned") == 1; }));
    EXPECT_THAT(s.lines(), Contains(AllOf(HasSubstr("longer than its timeout; sent 504"), HasSubstr("/late/"))));
    EXPECT_THAT(s.lines(), Each(Not(HasSubstr("sent 500"))));
  }
}

TEST(timeout_log, says_of_one_that_throws_in_time_that_500_was_sent) {
  logged_server s;
  EXPECT_EQ(s.get("/throws").status, 500);
  EXPECT_EQ(s.count("a handler threw; sent 500 target=/throws what=planned"), 1);
}

TEST(timeout_log, has_a_bounded_number_of_lines_for_streams_that_were_cut) {
  constexpr int streams = 100;
  logged_server s;
  client c(s.it.addresses().at(0));
  std::string all = detail::h2_conversation_test::begin;
  for (int i = 0; i < streams; ++i) all += detail::h2_conversation_test::ask(2 * i + 1, "/made");
  c.say(all);
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().timed_out == streams; }));
  EXPECT_LT(s.count("a response was cut"), streams) << "unless it took ten seconds";
  EXPECT_GE(s.count("a response was cut target=/made cause=its timeout has passed left_out="), 10);
}

}  // namespace lastcall::http::timeout_log_test
