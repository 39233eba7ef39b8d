#include "lastcall/http/files/save.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/server/serving_test.hpp"

namespace lastcall::http::save_test {

using ::testing::HasSubstr;

struct saving : ::testing::Test {
  saving() {
    char name[] = "/tmp/lastcall-save-XXXXXX";
    folder = ::mkdtemp(name);
    router r;
    r.post("/awaiting", [this](const request&, body_stream in) -> task<response> {
      ++begun;
      co_return text(std::to_string(co_await save(in, folder + "/file")));
    });
    r.post("/blocking", blocking([this](const request&, body_stream in) {
             ++begun;
             return text(std::to_string(save_blocking(in, folder + "/file")));
           }));
    r.post("/nowhere", [this](const request&, body_stream in) -> task<response> {
      co_return text(std::to_string(co_await save(in, folder + "/no/such/folder/file")));
    });
    r.post("/nul", [this](const request&, body_stream in) -> task<response> {
      co_return text(std::to_string(co_await save(in, folder + std::string("/file\0.csv", 10))));
    });
    server.emplace(server_options{.routes = std::move(r), .limits = {.body_bytes = 64 * 1024 * 1024}});
  }
  ~saving() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  std::size_t entries() const {
    const std::filesystem::directory_iterator all(folder);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  std::string stored() const {
    std::ifstream in(folder + "/file", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string upload(const std::string& target, std::size_t bytes) {
    return request_for(target, "Content-Length: " + std::to_string(bytes) + "\r\n", "POST");
  }

  std::string folder;
  std::atomic<int> begun{0};
  std::optional<serving_test> server;
};

TEST_F(saving, puts_the_whole_body_in_its_place_and_replaces_what_was_there) {
  for (const std::string target : {"/awaiting", "/blocking"}) {
    for (const std::size_t size : {3'000'000, 5, 0}) {
      const std::string bytes(size, target[1]);
      auto c = server->enters();
      c.say(upload(target, size) + bytes);
      EXPECT_EQ(next_reply(c).body, std::to_string(size)) << target;
      EXPECT_EQ(stored() == bytes, true) << target << size;
      EXPECT_EQ(entries(), 1U);
    }
  }
}

TEST_F(saving, leaves_nothing_of_a_body_that_was_cut) {
  for (const std::string target : {"/awaiting", "/blocking"}) {
    const int before = begun;
    auto c = server->enters();
    c.say(upload(target, 3'000'000) + std::string(1'000'000, 'x'));
    ASSERT_TRUE(server->eventually([&] { return begun > before; }));
    c.reset();
    EXPECT_TRUE(server->eventually([&] { return server->it.requests().adds_up(); }));
    EXPECT_TRUE(server->eventually([&] { return entries() == 0; })) << target;
  }
}

TEST_F(saving, leaves_what_was_there_when_the_new_is_forced) {
  { std::ofstream(folder + "/file") << "old"; }
  auto a = server->enters(), b = server->enters();
  a.say(upload("/awaiting", 3'000'000) + std::string(1'000'000, 'x'));
  b.say(upload("/blocking", 3'000'000) + std::string(1'000'000, 'x'));
  ASSERT_TRUE(server->eventually([&] { return begun == 2; }));
  server->drain();
  server->it.force();
  EXPECT_TRUE(server->wait_drained());
  EXPECT_EQ(stored(), "old");
  EXPECT_TRUE(server->eventually([&] { return entries() == 1; }));
}

TEST_F(saving, finishes_in_a_drain) {
  auto c = server->enters();
  c.say(upload("/awaiting", 2'000'000) + std::string(1'000'000, 'x'));
  ASSERT_TRUE(server->eventually([&] { return begun == 1; }));
  server->drain();
  c.say(std::string(1'000'000, 'x'));
  EXPECT_EQ(next_reply(c).body, "2000000");
  EXPECT_EQ(stored().size(), 2'000'000U);
}

TEST_F(saving, says_when_to_come_again_when_the_pool_is_full) {
  server_options o{.blocking = {.threads = 1, .queue = 0}};
  countdown release(1);
  o.routes.get("/block", blocking([&](const request&) {
                 ++begun;
                 release.wait_until(steady().now() + testing_net::generous);
                 return text("");
               }));
  o.routes.post("/save", [this](const request&, body_stream in) -> task<response> {
    co_return text(std::to_string(co_await save(in, folder + "/file")));
  });
  serving_test s(std::move(o));
  auto blocks = s.enters(), c = s.enters();
  blocks.say(request_for("/block"));
  ASSERT_TRUE(s.eventually([&] { return begun == 1; }));
  c.say(upload("/save", 5) + "12345");
  const reply r = next_reply(c);
  EXPECT_EQ(r.status, 503);
  EXPECT_THAT(r.head, HasSubstr("\r\nRetry-After: 1\r\n"));
  release.count_down();
}

TEST_F(saving, where_nothing_can_be_is_a_500) {
  for (const char* target : {"/nowhere", "/nul"}) {
    auto c = server->enters();
    c.say(upload(target, 5) + "12345");
    EXPECT_EQ(next_reply(c).status, 500) << target;
    EXPECT_EQ(entries(), 0U) << target;
  }
}

}  // namespace lastcall::http::save_test
