// Each example runs as its page says, and ends without loss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

TEST(examples, hello_answers_by_name_and_loses_nothing_when_told_to_stop) {
  // It listens on port 8080, as its source says; probe waits until it does. It may listen before it is ready.
  child_process probe({program("lastcall"), "probe", "--address", "http://127.0.0.1:8080", "--after", "300ms", "--load",
                       "busy:16,path=/hello/world", "--load", "fresh:8,path=/hello/%C3%A9", "--load",
                       "busy:2,path=/readyz,expect=any", "--allow-5xx", "--", program("hello")});
  const auto ended = probe.wait(deadline(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << probe.output() << probe.errors();
  EXPECT_NE(probe.output().find("nothing lost"), std::string::npos) << probe.output();
  EXPECT_NE(probe.errors().find("exit 0"), std::string::npos) << "its summary goes to stderr: " << probe.errors();
}

/// One request on a connection of its own: "200 body", without line ends. Waits until somebody listens.
std::string ask(const std::string& url, const std::string& request) {
  const auto to = lastcall::testing::parse_server_address(url);
  for (const auto by = std::chrono::steady_clock::now() + 30s;;) try {
      const auto heard = raw_client(to, request).read_reply().bytes;
      const auto body = heard.find("\r\n\r\n");
      if (body == heard.npos) return heard;
      return heard.substr(9, 4) + heard.substr(body + 4, heard.size() - body - 5);
    } catch (const std::system_error&) {
      if (std::chrono::steady_clock::now() > by) throw;
      std::this_thread::sleep_for(10ms);
    }
}

TEST(examples, handlers_of_every_form_do_as_their_page_says) {
  const scratch_folder scratch;
  child_process it({program("handlers"), scratch.file("")});
  const auto say = [](const std::string& head, const std::string& more = "\r\n") {
    return ask("http://127.0.0.1:8082", head + " HTTP/1.1\r\nHost: a\r\n" + more);
  };
  EXPECT_EQ(say("GET /secret"), "401 who are you?");
  EXPECT_EQ(say("GET /secret", "X-Key: sesame\r\n\r\n"), "200 welcome");
  EXPECT_EQ(say("GET /now"), "200 now");
  EXPECT_EQ(say("GET /later"), "200 later");
  EXPECT_EQ(say("GET /blocking"), "200 blocking");
  EXPECT_EQ(say("POST /count", "Content-Length: 4\r\n\r\na\nb\n"), "200 2 lines");
  EXPECT_EQ(say("PUT /files/report.csv", "Content-Length: 3\r\n\r\na,b"), "201 3 bytes stored");
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
}

TEST(examples, handlers_of_every_form_lose_nothing_when_told_to_stop) {
  child_process probe({program("lastcall"), "probe", "--address", "http://127.0.0.1:8082", "--after", "500ms", "--load",
                       "busy:4,path=/now", "--load", "busy:4,path=/later", "--load", "busy:4,path=/blocking", "--load",
                       "busy:2,path=/numbers", "--load", "race:4,path=/later", "--", program("handlers")});
  const auto ended = probe.wait(deadline(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << probe.output() << probe.errors();
}

/// Where a program says that it listens, once it does.
std::string address_of(child_process& it) {
  const auto line = it.wait_for_line("listening on ", deadline(30s));
  if (!line) throw std::runtime_error("it did not start: " + it.errors());
  return "http://" + line->substr(line->find("://") + 3);
}

TEST(examples, json_api_makes_reads_and_refuses_notes) {
  child_process it({program("json_api"), "0"});
  const std::string said = "http: listening on ";  // the server's line of the log
  for (const deadline by(30s); it.errors().find("app: ready") == std::string::npos;) {
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now())) << it.errors();
    std::this_thread::sleep_for(5ms);
  }
  const std::string log = it.errors();
  const std::size_t url_at = log.find(said) + said.size();
  const std::string url = log.substr(url_at, log.find('\n', url_at) - url_at);
  const auto say = [&](const std::string& head, const std::string& body = {}) {
    return ask(url,
               head + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  const std::string tea = R"({"id":1,"title":"buy tea","tags":["home"]})";
  EXPECT_EQ(say("POST /api/notes", R"({"title":"buy tea","tags":["home"]})"), "201 " + tea);
  EXPECT_EQ(say("POST /api/notes", R"({"title":"call","tags":["home","late"]})").substr(0, 3), "201");
  EXPECT_EQ(say("GET /api/notes/1"), "200 " + tea);
  EXPECT_EQ(say("GET /api/notes?tag=home&tag=late"), R"(200 [{"id":2,"title":"call","tags":["home","late"]}])");
  EXPECT_EQ(say("PUT /api/notes/1", R"({"title":"drink tea"})"), R"(200 {"id":1,"title":"drink tea","tags":[]})");
  EXPECT_EQ(say("DELETE /api/notes/2").substr(0, 3), "204");
  for (const auto& [head, body, expected] : std::vector<std::array<std::string, 3>>{
           {"POST /api/notes", "{", R"("status":400)"},
           {"POST /api/notes", "{}", R"("status":422,"detail":"title: give a text of 1 to 200 bytes")"},
           {"GET /api/notes/7", "", R"("status":404,"detail":"there is no such note")"},
           {"GET /elsewhere", "", R"("type":"about:blank","title":"Not Found","status":404)"},
           {"DELETE /api/notes", "", R"("status":405)"}})
    EXPECT_NE(say(head, body).find(expected), std::string::npos) << head << " " << body;
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
}

/// Takes connections, and says nothing.
struct deaf_upstream {
  deaf_upstream() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&any), size) != 0 || ::listen(fd, 16) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size) != 0)
      throw std::system_error(errno, std::generic_category(), "an upstream");
    port = std::to_string(ntohs(any.sin_port));
  }
  ~deaf_upstream() { ::close(fd); }
  deaf_upstream& operator=(deaf_upstream&&) = delete;

  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string port;
};

TEST(examples, deadlines_bound_what_a_handler_asks_of_others) {
  if (!std::filesystem::exists(program("deadlines"))) GTEST_SKIP() << "skipped: built without libcurl";
  const deaf_upstream upstream;
  child_process it({program("deadlines"), upstream.port}, {.environment = {"LASTCALL_GRACE=2s"}});
  const std::string url = "http://127.0.0.1:8085";
  const auto get = [&](const std::string& target) {
    return ask(url, "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  // By libcurl's own clock, or, where its thread was late, by the context's.
  EXPECT_THAT(get("/bounded/curl"), testing::AnyOf(testing::HasSubstr("Timeout was reached"),
                                                   testing::HasSubstr("aborted by an application")));
  EXPECT_THAT(get("/bounded/multi"), testing::HasSubstr("Timeout was reached"));
  EXPECT_THAT(get("/bounded/socket"), testing::StartsWith("503 "));
  EXPECT_THAT(get("/timed/multi"), testing::StartsWith("504 "));
  raw_client without_end(lastcall::testing::parse_server_address(url), "GET /drain/multi HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(get("/bounded/socket"), testing::StartsWith("503 ")) << "so the one before has begun";
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 3}) << "forced, and not hung: " << it.errors();
}

TEST(examples, ticker_has_a_page_and_ends_its_streams_in_order) {
  child_process it({program("ticker"), "0"});
  const auto to = lastcall::testing::parse_server_address(address_of(it));
  raw_client page(to, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(page.read_to_end().bytes.find("new EventSource(\"/ticks\")"), std::string::npos);
  page.close();
  raw_client ticks(to, "GET /ticks HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 6\r\n\r\n");
  std::string heard;
  while (heard.find("data: from process ") == heard.npos) heard += ticks.read_some();
  EXPECT_NE(heard.find("id: 7\n"), std::string::npos) << heard;
  it.signal(SIGTERM);
  const auto rest = ticks.read_to_end();
  EXPECT_TRUE(rest.bytes.ends_with("0\r\n\r\n")) << rest.bytes;
  EXPECT_EQ(rest.how, raw_client::ended::fin);
  ticks.close();
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
}

TEST(examples, line_protocol_converses_and_says_goodbye_in_its_own_words) {
  child_process it({program("line_protocol"), "0"});
  const auto to = lastcall::testing::parse_server_address(address_of(it));
  raw_client leaving(to, "ADD 2 3\r\nADD x\nHELP\nQUIT\n"), staying(to, "ADD 1\n");
  const auto said = leaving.read_to_end();
  EXPECT_EQ(said.bytes, "220 ready\n200 5\n501 not a number\n500 ADD n n... or QUIT\n221 bye\n");
  EXPECT_EQ(said.how, raw_client::ended::fin);
  leaving.close();
  std::string heard;
  while (heard.find("200 1\n") == heard.npos) heard += staying.read_some();
  it.signal(SIGTERM);
  const auto rest = staying.read_to_end();
  EXPECT_EQ(rest.bytes, "421 closing, come back in a moment\n");
  EXPECT_EQ(rest.how, raw_client::ended::fin);
  staying.close();
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
}

TEST(examples, with_spdlog_have_one_log_whose_last_line_is_out) {
  if (!std::filesystem::exists(program("with_spdlog"))) GTEST_SKIP() << "skipped: no spdlog here (libspdlog-dev)";
  child_process it({program("with_spdlog"), "0"});
  const auto url = address_of(it);
  constexpr int orders = 100;
  for (int i = 0; i < orders; ++i)
    EXPECT_EQ(ask(url, "GET /orders/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              "200 shipped");
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
  const std::string log = it.output();
  EXPECT_NE(log.find("Z info http: listening on http://"), std::string::npos) << log;
  for (int i = 0; i < orders; ++i)
    EXPECT_NE(log.find("info order " + std::to_string(i) + " was read\n"), std::string::npos) << log;
  const auto summary = log.find("app: SIGTERM from ");
  ASSERT_NE(summary, std::string::npos) << log;
  EXPECT_NE(log.find("exit 0\n", summary), std::string::npos) << log;
  EXPECT_EQ(it.errors(), "");
}

TEST(examples, with_opentelemetry_flush_their_spans_after_the_last_request) {
  child_process it({program("with_opentelemetry"), "0"});
  const auto listening = it.wait_for_error_line("listening on ", deadline(30s));
  ASSERT_TRUE(listening) << it.errors();
  const auto to = lastcall::testing::parse_server_address("http://" + listening->substr(listening->find("://") + 3));
  raw_client in_flight(to,
                       "GET /orders/7 HTTP/1.1\r\nHost: a\r\n"
                       "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
  raw_client unknown(to, "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(unknown.read_to_end().bytes.find(" 404 "), std::string::npos);
  it.signal(SIGTERM);
  EXPECT_NE(in_flight.read_to_end().bytes.find("shipped"), std::string::npos);
  in_flight.close();
  unknown.close();
  EXPECT_EQ(it.wait(deadline(30s)), exit_status{.code = 0}) << it.errors();
  const std::string out = it.output();
  EXPECT_NE(out.find("span GET /orders/{id} trace=0af7651916cd43dd8448eb211c80319c parent=b7ad6b7169203331 "
                     "url.path=/orders/7 http.response.status_code=200"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("http.route=/orders/{id} http.response.status_code=200 count=1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("http.route= http.response.status_code=404 count=1\n"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("flushed\n")) << out;
}

}  // namespace
