// What is no honest request, or never becomes one: the answer is clear, nobody else waits for it, and a shutdown
// neither.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

const std::string hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct abuse {
  const char* name;
  std::string bytes;
  const char* status_line;  // "" if the connection ends without one
  bool closed;              // otherwise the next request on the same connection is answered
};

std::string headers(int count) {
  std::string all = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < count; ++i) all += "X-" + std::to_string(i) + ": y\r\n";
  return all + "\r\n";
}

std::string post(const std::string& fields, const std::string& body = "") {
  return "POST /upload HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

const std::vector<abuse>& table() {
  static const char* const bad = "HTTP/1.1 400 Bad Request";
  static const std::vector<abuse> all{
      // What is not abuse: the ruler must be able to say so.
      {"a request", hello, "HTTP/1.1 200 OK", false},
      {"two blank lines before it", "\r\n\r\n" + hello, "HTTP/1.1 200 OK", false},
      {"an unknown path", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", false},
      {"a wrong method", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed",
       false},
      {"a whole body", post("Content-Length: 3\r\n", "abc"), "HTTP/1.1 200 OK", false},
      {"a whole chunked body", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), "HTTP/1.1 200 OK",
       false},
      // Not HTTP.
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), bad, true},
      {"zeros", std::string(100, '\0'), bad, true},
      {"noise", "\xff\xfe\xfd\x80\x81", bad, true},
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 408 Request Timeout", true},
      {"HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported", true},
      {"HTTP/0.9", "GET /\r\n\r\n", bad, true},
      {"blank lines for ever", "\r\n\r\n\r\n\r\n", bad, true},
      // Heads that two parsers read differently.
      {"a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", bad, true},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", bad, true},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", bad, true},
      {"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", bad, true},
      {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", bad, true},
      {"a NUL in a value", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 35), bad, true},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), bad, true},
      {"a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), bad, true},
      {"a length that is none", post("Content-Length: -1\r\n"), bad, true},
      {"another coding", post("Transfer-Encoding: gzip\r\n", "abc"), "HTTP/1.1 501 Not Implemented", true},
      {"a chunk size that is none", post("Transfer-Encoding: chunked\r\n", "xyz\r\n"), bad, true},
      {"an unknown expectation", post("Expect: miracles\r\nContent-Length: 1\r\n"), "HTTP/1.1 417 Expectation Failed",
       true},
      // Too much.
      {"1 MB of headers", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'x') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large", true},
      {"1 MB of target", "GET /" + std::string(1'000'000, 'x') + " HTTP/1.1\r\n\r\n", "HTTP/1.1 414 URI Too Long",
       true},
      {"101 headers", headers(101), "HTTP/1.1 431 Request Header Fields Too Large", true},
      {"a length beyond the limit", post("Content-Length: 100001\r\n", std::string(50'000, 'x')),
       "HTTP/1.1 413 Content Too Large", true},
      {"an absurd length", post("Content-Length: 18446744073709551615\r\n"), "HTTP/1.1 413 Content Too Large", true},
      {"a chunk beyond the limit", post("Transfer-Encoding: chunked\r\n", "186a1\r\n" + std::string(50'000, 'x')),
       "HTTP/1.1 413 Content Too Large", true},
      // Too little: what never comes is waited for, but not for ever.
      {"half a head", "GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 Request Timeout", true},
      {"a body that never comes", post("Content-Length: 10\r\n"), "HTTP/1.1 408 Request Timeout", true},
      {"half a body", post("Content-Length: 10\r\n", "abc"), "HTTP/1.1 408 Request Timeout", true},
      {"half a chunk", post("Transfer-Encoding: chunked\r\n", "5\r\nab"), "HTTP/1.1 408 Request Timeout", true},
      {"nothing", "", "", true},
  };
  return all;
}

testbed impatient_server(const std::string& time = "500ms") {
  return testbed({"--head-time", time, "--body-time", time, "--max-body", "100000"});
}

TEST(abuse, gets_a_clear_answer_and_an_orderly_end) {
  testbed server = impatient_server();
  const auto to = parse_server_address(server.url());
  std::vector<raw_client> all;
  for (const auto& each : table()) all.emplace_back(to, each.bytes);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [name, bytes, status_line, closed] = table()[i];
    SCOPED_TRACE(name);
    if (closed) {
      const auto heard = all[i].read_to_end();
      EXPECT_EQ(heard.status_line(), status_line);
      EXPECT_EQ(heard.how, raw_client::ended::fin) << "a reset can destroy the answer on its way";
      if (!heard.bytes.empty()) {
        EXPECT_NE(heard.bytes.find("\r\nConnection: close\r\n"), heard.bytes.npos);
      }
      EXPECT_EQ(heard.bytes.find("HTTP/1.1 ", 1), heard.bytes.npos) << "one answer, not two: " << heard.bytes;
    } else {
      EXPECT_EQ(all[i].read_reply().status_line(), status_line);
      all[i].send(hello);
      EXPECT_EQ(all[i].read_reply().status_line(), "HTTP/1.1 200 OK");
    }
    all[i].close();
  }
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  expect_ledgers_add_up(server.report());
  EXPECT_EQ(server.report().number("requests.forced"), 0);
}

TEST(abuse, by_torn_requests_is_waited_out_at_each_byte) {
  const std::string whole = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde";
  testbed server = impatient_server(sanitized ? "8s" : "2s");  // for a hundred to be served one after the other
  const auto to = parse_server_address(server.url());
  std::vector<raw_client> finished, silent, ended;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    finished.emplace_back(to, whole.substr(0, n));
    silent.emplace_back(to, whole.substr(0, n));
    ended.emplace_back(to, whole.substr(0, n));
  }
  for (std::size_t n = 0; n < whole.size(); ++n) {
    SCOPED_TRACE(whole.substr(0, n));
    finished[n].send(std::string_view(whole).substr(n));
    const auto answer = finished[n].read_reply();
    EXPECT_EQ(answer.status_line(), "HTTP/1.1 200 OK");
    EXPECT_TRUE(answer.bytes.ends_with("\r\n\r\n5\n")) << answer.bytes;
    ended[n].end_sending();  // what will never be complete needs no answer
    const auto heard = ended[n].read_to_end();
    EXPECT_EQ(heard.bytes, "");
    EXPECT_EQ(heard.how, raw_client::ended::fin);
  }
  for (std::size_t n = 0; n < whole.size(); ++n) {
    SCOPED_TRACE(whole.substr(0, n));
    const auto heard = silent[n].read_to_end();
    EXPECT_EQ(heard.status_line(), n == 0 ? "" : "HTTP/1.1 408 Request Timeout");  // of nothing, nothing
    EXPECT_EQ(heard.how, raw_client::ended::fin);
  }
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const auto report = server.report();
  const double each = static_cast<double>(whole.size());
  const double told_by_handler = 5;  // who takes the body as it comes, and was at it
  EXPECT_EQ(report.number("requests.answered"), each + told_by_handler);
  EXPECT_EQ(report.number("requests.rejected"), each - 1 - told_by_handler);
  EXPECT_EQ(report.number("requests.abandoned_by_client"), each - 1);
  expect_ledgers_add_up(report);
}

TEST(abuse, of_a_request_in_single_bytes_is_none) {
  testbed server;
  raw_client client(parse_server_address(server.url()));
  for (int i = 0; i < 3; ++i) {
    for (const char byte : hello) ASSERT_TRUE(client.send({&byte, 1}));
    EXPECT_EQ(client.read_reply().status_line(), "HTTP/1.1 200 OK");
  }
}

/// Clients that send one byte of an endless head every now and then, from a thread of their own.
class slow_senders {
 public:
  slow_senders(const lastcall::testing::server_address& to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) all_.emplace_back(to, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    // Once a second each, evenly spread.
    thread_ = std::jthread([this](const std::stop_token& over) {
      const auto began = std::chrono::steady_clock::now();
      for (std::size_t tick = 0; !over.stop_requested(); ++tick) {
        const auto due = began + tick * 10ms;
        std::this_thread::sleep_until(due);  // the pace of the load
        for (std::size_t i = tick % 100; i < all_.size(); i += 100) sent_ += all_[i].trickle('x') ? 1 : 0;
      }
    });
  }
  std::uint64_t sent() const noexcept { return sent_; }

 private:
  std::vector<raw_client> all_;
  std::atomic<std::uint64_t> sent_{0};
  std::jthread thread_;  // last: ends first
};

/// Eight busy connections and requests in flight, with so many slow senders or without, up to a shutdown in the middle
/// of it.
lastcall::testing::probe_result busy_beside(std::size_t slow, duration load, document& report) {
  using namespace lastcall::testing;
  raise_descriptor_limit();
  // Briefly, the slow ones are still there at the drain end; in full, each has been told 408 in its own time before.
  testbed server(long_run()  ? std::vector<std::string>{}
                 : sanitized ? std::vector<std::string>{"--grace", "6s", "--reserve", "3s", "--head-time", "60s"}
                             : std::vector<std::string>{"--grace", "2500ms", "--head-time", "60s"});
  const auto to = parse_server_address(server.url());
  std::optional<slow_senders> senders;
  if (slow > 0) senders.emplace(to, slow);
  probe_options options{.loads = {parse_load("busy:8"), parse_load("inflight:20,path=/slow?ms=1500")}, .after = load};
  auto result = run_probe(to, options,
                          {.tell = [&] { server.process.signal(SIGTERM); },
                           .kill = [&] { server.process.signal(SIGKILL); },
                           .gone = server.process.exit_descriptor()});
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  report = server.report();
  if (slow > 0) {
    EXPECT_GE(senders->sent(), slow) << "they were not slow, they were silent";
  }
  return result;
}

TEST(abuse, by_slow_senders_neither_delays_others_nor_the_shutdown_nor_loses_what_is_complete) {
  const std::size_t slow = long_run() ? 5000 : 500;
  const duration load = long_run() ? 5s : 1500ms;
  std::vector<double> alone, beside;
  for (int i = 0; i < runs(5, 1); ++i) {
    document report;
    const auto p99 = [](const auto& result) {
      return std::chrono::duration<double, std::micro>(result.loads[0].answered.percentile(0.99)).count();
    };
    if (!sanitized) alone.push_back(p99(busy_beside(0, load, report)));
    const auto result = busy_beside(slow, load, report);
    beside.push_back(p99(result));
    const auto total = result.total();
    EXPECT_EQ(total.lost(), 0U);
    EXPECT_EQ(total.count(lastcall::testing::verdict::late), 0U);
    EXPECT_EQ(result.loads[1].answered.count(), 20U);
    EXPECT_EQ(result.loads[1].server_errors_after + result.loads[1].unexpected, 0U);
    EXPECT_FALSE(result.killed);
    ASSERT_TRUE(report);
    EXPECT_LE(report.number("total_ms"), report.number("grace_ms") + (sanitized ? 5000 : long_run() ? 100 : 300));
    EXPECT_EQ(report.number("requests.forced"), 0);
    EXPECT_EQ(report.number("requests.rejected"), static_cast<double>(slow));
    expect_ledgers_add_up(report);
    if (sanitized) return;
  }
  std::printf("measure: %zu slow senders, busy:8 beside them: p99 %.0f us, without them %.0f us (medians of %zu)\n",
              slow, median(beside), median(alone), alone.size());
  EXPECT_LE(median(beside), long_run() ? median(alone) * 2 : std::max(median(alone) * 6, 30'000.0));
}

}  // namespace
