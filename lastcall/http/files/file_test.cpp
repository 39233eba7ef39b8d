#include "lastcall/http/files/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lastcall/http/message/date.hpp"
#include "lastcall/http/server/serving_test.hpp"

namespace lastcall::http::file_test {

using ::testing::HasSubstr;
using ::testing::Not;

/// The value of a header in a head; empty when absent.
std::string value_of(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return "";
  const auto from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

struct files : ::testing::Test {
  files() {
    char name[] = "/tmp/lastcall-file-XXXXXX";
    folder = ::mkdtemp(name);
    put("data", "0123456789");
    router r;
    r.get("/{name}", [this](const request& req) {
      return file(req, folder + "/" + std::string(req.param("name")), "text/plain");
    });
    r.get("/replica/{name}", [this](const request& req) {
      return file(req, folder + "/" + std::string(req.param("name")), "text/plain", {.inode_in_etag = false});
    });
    r.get("/with/nul", [this](const request& req) { return file(req, folder + std::string("/data\0.txt", 10)); });
    server.emplace(server_options{.routes = std::move(r)});
  }
  ~files() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  void put(const std::string& name, const std::string& bytes) { std::ofstream(folder + "/" + name) << bytes; }
  void put_with_time(const std::string& name, std::time_t changed) {
    put(name, "0123456789");
    const timespec times[2] = {{changed, 0}, {changed, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder + "/" + name).c_str(), times, 0), 0);
  }
  reply get(const std::string& more, std::string_view name = "/data") { return server->get(name, more); }

  std::string folder;
  std::optional<serving_test> server;
};

TEST_F(files, are_sent_whole_with_their_state) {
  const reply r = get("");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, "0123456789");
  EXPECT_EQ(value_of(r.head, "Content-Type"), "text/plain");
  EXPECT_EQ(value_of(r.head, "Accept-Ranges"), "bytes");
  EXPECT_NE(value_of(r.head, "ETag"), "");
  EXPECT_NE(value_of(r.head, "Last-Modified"), "");
  put("data", "012345678");
  EXPECT_NE(value_of(get("").head, "ETag"), value_of(r.head, "ETag"));
  put("empty", "");
  EXPECT_EQ(get("", "/empty").body, "");
}

TEST_F(files, are_sent_in_part) {
  const reply middle = get("Range: bytes=2-4\r\n");
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.body, "234");
  EXPECT_EQ(value_of(middle.head, "Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(get("Range: bytes=-3\r\n").body, "789");
  EXPECT_EQ(get("Range: bytes=8-\r\n").body, "89");
  const reply beyond = get("Range: bytes=10-\r\n");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(value_of(beyond.head, "Content-Range"), "bytes */10");
  for (const char* ignored : {"lines=1-2", "bytes=4-2", "bytes=0-1,4-5"}) {
    const reply all = get("Range: " + std::string(ignored) + "\r\n");
    EXPECT_EQ(all.status, 200) << ignored;
    EXPECT_EQ(all.body, "0123456789") << ignored;
  }
}

TEST_F(files, honour_conditions) {
  const reply now = get("");
  const std::string etag = value_of(now.head, "ETag"), modified = value_of(now.head, "Last-Modified");
  const reply same = get("If-None-Match: " + etag + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(value_of(same.head, "ETag"), etag);
  EXPECT_EQ(value_of(same.head, "Content-Length"), "");
  EXPECT_EQ(get("If-Modified-Since: " + modified + "\r\n").status, 304);
  EXPECT_EQ(get("If-None-Match: \"other\"\r\n").status, 200);
  EXPECT_EQ(get("If-Match: \"other\"\r\n").status, 412);
  EXPECT_EQ(get("Range: bytes=0-0\r\nIf-Range: " + etag + "\r\n").body, "0");
  EXPECT_EQ(get("Range: bytes=0-0\r\nIf-Range: \"other\"\r\n").body, "0123456789");
}

/// RFC 9110 section 8.8.2.1: it must not be later than Date, which takes its place.
TEST_F(files, never_say_that_they_were_changed_later_than_now) {
  for (const std::time_t changed : {std::time(nullptr) + 3600, std::time_t{4102444800}, std::time_t{300000000000}}) {
    put_with_time("future", changed);
    const reply r = get("", "/future");
    EXPECT_EQ(r.status, 200);
    const std::time_t now = std::time(nullptr);
    const auto said = parse_date(value_of(r.head, "Last-Modified"), now),
               date = parse_date(value_of(r.head, "Date"), now);
    ASSERT_TRUE(said && date) << r.head;
    EXPECT_LE(*said, *date) << changed;
    EXPECT_GE(*said, *date - 60) << "as late as may be";
    EXPECT_EQ(get("If-None-Match: " + value_of(r.head, "ETag") + "\r\n", "/future").status, 304);
  }
}

TEST_F(files, without_a_time_of_change_do_not_say_one) {
  for (const std::time_t changed : {0, 1, 86399, -1, -86400}) {
    put_with_time("epoch", changed);
    const reply r = get("", "/epoch");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(value_of(r.head, "Last-Modified"), "") << changed;
    const std::string etag = value_of(r.head, "ETag");
    EXPECT_EQ(get("If-None-Match: " + etag + "\r\n", "/epoch").status, 304);
    EXPECT_EQ(get("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "/epoch").status, 200);
    EXPECT_EQ(get("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "/epoch").status, 200);
    std::string other = etag;
    for (int i = 0; i < 1000 && other == etag; ++i) {  // the kernel's time goes on in steps of a few milliseconds
      std::filesystem::remove(folder + "/epoch");
      put_with_time("epoch", changed);  // another file, maybe with the same inode
      other = value_of(get("", "/epoch").head, "ETag");
    }
    EXPECT_NE(other, etag);
  }
  put_with_time("epoch", 86400);
  EXPECT_EQ(value_of(get("", "/epoch").head, "Last-Modified"), "Fri, 02 Jan 1970 00:00:00 GMT");
}

TEST_F(files, have_the_same_state_on_all_replicas_if_the_program_says_so) {
  put_with_time("a", 1'000'000'000);
  put_with_time("b", 1'000'000'000);  // the same file elsewhere
  EXPECT_EQ(value_of(get("", "/replica/a").head, "ETag"), value_of(get("", "/replica/b").head, "ETag"));
  EXPECT_NE(value_of(get("", "/a").head, "ETag"), value_of(get("", "/b").head, "ETag"));
  put_with_time("b", 1'000'000'001);
  EXPECT_NE(value_of(get("", "/replica/a").head, "ETag"), value_of(get("", "/replica/b").head, "ETag"));
  put_with_time("a", 0);  // its size alone is no state
  EXPECT_EQ(value_of(get("", "/replica/a").head, "ETag"), "");
  EXPECT_EQ(get("Range: bytes=0-1\r\n", "/replica/a").body, "01");
}

TEST_F(files, that_are_none_are_404_and_those_that_may_not_be_read_403) {
  EXPECT_EQ(get("", "/missing").status, 404);
  EXPECT_EQ(get("", "/with/nul").status, 404) << "nor the file of which the name is cut at NUL";
  ::mkdir((folder + "/folder").c_str(), 0755);
  EXPECT_EQ(get("", "/folder").status, 404);
  ::mkfifo((folder + "/pipe").c_str(), 0644);
  EXPECT_EQ(get("", "/pipe").status, 404) << "and nobody waits for a writer";
  if (::geteuid() != 0) {
    put("secret", "x");
    ::chmod((folder + "/secret").c_str(), 0);
    EXPECT_EQ(get("", "/secret").status, 403);
  }
}

TEST_F(files, to_head_have_a_length_and_no_body) {
  auto c = server->enters();
  c.say(request_for("/data", "Range: bytes=1-2\r\n", "HEAD") + request_for("/data"));
  const reply head = next_reply(c, true);
  EXPECT_EQ(head.status, 200) << "a range is for GET";
  EXPECT_EQ(value_of(head.head, "Content-Length"), "10");
  EXPECT_EQ(next_reply(c).body, "0123456789");
}

TEST_F(files, larger_than_any_buffer_arrive_whole_also_in_a_drain) {
  std::string large;
  for (int i = 0; large.size() < 8'000'000; ++i) large += std::to_string(i) + '\n';
  put("large", large);
  auto quick = server->enters(), slow = server->enters(4096);
  quick.say(request_for("/large") + request_for("/data"));
  EXPECT_EQ(next_reply(quick).body == large, true);
  EXPECT_EQ(next_reply(quick).body, "0123456789");
  slow.say(request_for("/large"));
  EXPECT_THAT(slow.hear_until("\r\n\r\n"), HasSubstr("200 OK"));
  server->drain();
  EXPECT_EQ(slow.hear_bytes(large.size()) == large, true);
  EXPECT_EQ(slow.hear_all(), "");
  slow.close();
  quick.close();
  EXPECT_TRUE(server->wait_drained());
  EXPECT_EQ(server->it.requests().answered, 3U);
}

TEST_F(files, that_their_client_does_not_take_are_cut_also_in_a_drain) {
  put("large", std::string(20'000'000, 'x'));
  for (const bool draining : {false, true}) {
    router r;
    r.get("/large", [this](const request& req) { return file(req, folder + "/large"); });
    serving_test s({.routes = std::move(r), .limits = {.write_time = std::chrono::milliseconds(draining ? 200 : 50)}});
    auto c = s.enters(4096);
    c.say(request_for("/large"));
    EXPECT_THAT(c.hear_until("\r\n\r\n"), HasSubstr("200 OK"));
    if (draining) s.drain();
    EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; })) << draining;
    EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 1, .abandoned_by_client = 1}));
    EXPECT_TRUE(!draining || s.wait_drained());
  }
}

TEST_F(files, that_become_shorter_on_their_way_end_early) {
  put("large", std::string(20'000'000, 'x'));
  auto c = server->enters(4096);
  c.say(request_for("/large"));
  EXPECT_THAT(c.hear_until("\r\n\r\n"), HasSubstr("200 OK"));
  std::filesystem::resize_file(folder + "/large", 10);
  EXPECT_LT(c.hear_bytes(20'000'000).size(), 20'000'000U);
  EXPECT_EQ(c.heard_error(), 0) << "what is missing of its length says enough";
  EXPECT_TRUE(server->eventually([&] { return server->it.requests().broken == 1; }));
}

}  // namespace lastcall::http::file_test
