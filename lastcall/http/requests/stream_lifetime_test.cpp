// Handles of streams that are destroyed while what they began goes on, or before it has begun.
#include <gmock/gmock.h>

#include <boost/asio/any_io_executor.hpp>

#include "lastcall/http/requests/streams_test.hpp"
#include "lastcall/http/sse/events.hpp"

namespace lastcall::http::stream_lifetime_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_net::generous;
using testing_streams::post;

/// How operations ended that nobody awaited.
struct outcomes {
  template <class T> auto note() {
    return [this](const std::exception_ptr& threw, const T& result) { ++(threw || !result ? refused : done); };
  }
  std::atomic<int> begun{0}, done{0}, refused{0};
};

/// Owns a handle until the client has gone.
template <class Stream> struct held {
  struct let_go {
    held* from;
    void operator()() const noexcept { from->stream.reset(); }
  };
  held(Stream s, const context& life) : stream(std::move(s)), at_the_end(life.forced_token(), let_go{this}) {}
  held& operator=(held&&) = delete;
  std::optional<Stream> stream;
  stop_callback<let_go> at_the_end;
};

TEST(stream_lifetime, what_waits_when_its_handle_goes_ends_as_if_the_client_had_gone) {
  outcomes saw;
  std::optional<held<body_stream>> reader;
  std::optional<held<body_writer>> writer;
  router r;
  r.post("/", [&](const request&, context life, body_stream in) -> task<response> {
    co_return streamed([&, life, in = std::move(in)](body_writer to) mutable -> task<> {
      const auto here = co_await boost::asio::this_coro::executor;
      static const std::string much(32 * 1024 * 1024, 'x');
      boost::asio::co_spawn(here, to.write(much), saw.note<bool>());
      boost::asio::co_spawn(here, in.read(), saw.note<std::optional<std::string_view>>());
      writer.emplace(std::move(to), life);
      reader.emplace(std::move(in), life);
      ++saw.begun;
    });
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters(4096);
  c.say(post("/", "Content-Length: 10\r\n"));
  c.hear_until("\r\n\r\n");
  EXPECT_TRUE(s.eventually([&] { return saw.begun == 1; }));
  c.reset();
  EXPECT_TRUE(s.eventually([&] { return saw.refused == 2; }));
  EXPECT_EQ(saw.done, 0);
}

TEST(stream_lifetime, what_waits_on_events_when_its_handle_goes_ends_as_if_the_client_had_gone) {
  outcomes saw;
  std::optional<held<sse::stream>> kept;
  router r;
  r.events("/", [&](sse::stream out) -> task<> {
    const auto here = co_await boost::asio::this_coro::executor;
    boost::asio::co_spawn(here, out.send({.data = std::string(32 * 1024 * 1024, 'x')}), saw.note<bool>());
    boost::asio::co_spawn(here, out.wait_for(generous), saw.note<bool>());
    const context life = out.life();
    kept.emplace(std::move(out), life);
    ++saw.begun;
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters(4096);
  c.say(request_for("/"));
  c.hear_until("data");
  EXPECT_TRUE(s.eventually([&] { return saw.begun == 1; }));
  c.reset();
  EXPECT_TRUE(s.eventually([&] { return saw.refused == 2; }));
  EXPECT_EQ(saw.done, 0);
}

TEST(stream_lifetime, what_has_not_begun_when_its_handle_goes_is_done_all_the_same) {
  router r;
  r.post("/", [](const request&, body_stream in) -> task<response> {
    auto reading = [](body_stream gone) { return gone.read(); }(std::move(in));
    const std::string piece(co_await std::move(reading) ? "read" : "");
    co_return streamed([piece](body_writer to) -> task<> {
      auto writing = [&piece](body_writer gone) { return gone.write(piece); }(std::move(to));
      EXPECT_TRUE(co_await std::move(writing));
    });
  });
  r.events("/events", [](sse::stream out) -> task<> {
    auto sending = [](sse::stream gone) { return gone.send({.data = "sent"}); }(std::move(out));
    EXPECT_TRUE(co_await std::move(sending));
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters();
  c.say(post("/", "Content-Length: 3\r\n") + "abc");
  EXPECT_EQ(next_reply(c).body, "read");
  EXPECT_THAT(s.get("/events").body, HasSubstr("data: sent\n\n"));
}

TEST(stream_lifetime, a_body_whose_maker_returned_in_the_middle_of_a_write_is_seen_to_be_cut) {
  outcomes saw;
  router r;
  r.get("/", [&](const request&) {
    return streamed([&saw](body_writer to) -> task<> {
      static const std::string much(32 * 1024 * 1024, 'x');
      boost::asio::co_spawn(co_await boost::asio::this_coro::executor, to.write(much), saw.note<bool>());
    });
  });
  serving_test s({.routes = std::move(r)});
  auto c = s.enters();
  c.say(request_for("/"));
  c.finish_sending();
  EXPECT_THAT(c.hear_all(), ::testing::Not(::testing::EndsWith("\r\n0\r\n\r\n")));
  EXPECT_TRUE(s.eventually([&] { return saw.refused == 1; }));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().broken == 1; }));
}

}  // namespace lastcall::http::stream_lifetime_test
