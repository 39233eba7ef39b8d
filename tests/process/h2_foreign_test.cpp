// HTTP/2 clients of somebody else's making: python3-h2, which sees a farewell frame by frame, curl, nghttp and h2load.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

std::string source(const std::string& name) {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind('/') + 1) + name;
}

struct ran {
  std::optional<exit_status> exit;
  std::string said;
};

ran run(const std::vector<std::string>& command) {
  child_process one(command);
  ran r;
  r.exit = one.wait(deadline(40s));
  r.said = one.output() + one.errors();
  return r;
}

bool here(const char* program) { return ::access(program, X_OK) == 0; }

void farewell_seen_by_python(const std::string& scenario, std::vector<std::string> more = {}) {
  constexpr const char* python = "/usr/bin/python3";
  if (!here(python) || run({python, "-c", "import h2.connection"}).exit != exit_status{.code = 0})
    GTEST_SKIP() << "skipped: python3-h2 is not installed (scripts/bootstrap)";
  more.insert(more.end(), {"--h2c", "--grace", "10s"});
  testbed server(more);
  const std::string url = server.url();
  const auto colon = url.rfind(':');
  const auto r = run({python, source("h2_frames.py"), "127.0.0.1", url.substr(colon + 1),
                      std::to_string(server.process.pid()), scenario});
  EXPECT_EQ(r.exit, exit_status{.code = 0}) << r.said;
  EXPECT_EQ(server.wait(deadline(20s)), exit_status{.code = 0}) << server.process.errors();
  ASSERT_TRUE(server.report());
  expect_ledgers_add_up(server.report());
  EXPECT_EQ(server.report().text("result"), "drained");
  EXPECT_EQ(server.report().number("requests.abandoned_by_client"), 0);
}

TEST(h2_foreign, python_sees_two_goaways_a_ping_and_a_refusal) { farewell_seen_by_python("farewell"); }
TEST(h2_foreign, python_that_acknowledges_nothing_delays_its_share) { farewell_seen_by_python("silent"); }
TEST(h2_foreign, python_loses_no_stream) { farewell_seen_by_python("library"); }

TEST(h2_foreign, curl_gets_posts_and_downloads) {
  constexpr const char* curl = "/usr/bin/curl";
  if (!here(curl)) GTEST_SKIP() << "skipped: curl is not installed (scripts/bootstrap)";
  testbed server({"--h2c"});
  const auto get = [&](const std::string& path, std::vector<std::string> more = {}) {
    std::vector<std::string> all{curl, "--silent", "--max-time", "30", "--http2-prior-knowledge"};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(server.url() + path);
    return run(all).said;
  };
  EXPECT_EQ(get("/"), "hello\n");
  EXPECT_EQ(get("/async", {"--write-out", "%{http_version} %{http_code}"}), "hello\n2 200");
  EXPECT_EQ(get("/block?ms=1"), "blocked\n");
  EXPECT_EQ(get("/request/a%20b", {"--data", "abc", "--header", "X: y"}).substr(0, 14), "method=[POST] ");
  EXPECT_EQ(get("/upload", {"--data", std::string(100'000, 'x'), "--header", "Expect: 100-continue"}), "100000\n");
  EXPECT_EQ(get("/big?bytes=3000000", {"--output", "/dev/null", "--write-out", "%{size_download}"}), "3000000");
  EXPECT_EQ(get("/big?bytes=3000000&chunked=1", {"--output", "/dev/null", "--write-out", "%{size_download}"}),
            "3000000");
  EXPECT_EQ(get("/", {"--head", "--output", "/dev/null", "--write-out", "%{http_code}"}), "200");
  EXPECT_EQ(get("/", {"--http1.1", "--write-out", "%{http_version}"}), "hello\n1.1") << "HTTP/1.1 stays";
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0});
  EXPECT_EQ(server.report().number("requests.answered"), 9);
}

TEST(h2_foreign, curl_gets_an_answer_before_the_end_of_its_upload) {
  constexpr const char* curl = "/usr/bin/curl";
  if (!here(curl)) GTEST_SKIP() << "skipped: curl is not installed (scripts/bootstrap)";
  testbed server({"--h2c", "--max-body", "1000"});
  const scratch_folder folder;
  std::ofstream(folder.file("body")) << std::string(3'000'000, 'x');
  for (const char* protocol : {"--http2-prior-knowledge", "--http1.1"})
    for (const char* rate : {"1M", "100M"})
      EXPECT_EQ(run({curl, "--silent", "--max-time", "30", protocol, "--limit-rate", rate, "--header",
                     "Expect:", "--data-binary", "@" + folder.file("body"), "--output", "/dev/null", "--write-out",
                     "%{http_code}", server.url() + "/request/x"})
                    .said,
                "413")
          << protocol << ' ' << rate;
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0});
  EXPECT_EQ(server.report().number("requests.rejected"), 4);
}

TEST(h2_foreign, curl_leaves_a_stored_file_whole) {
  constexpr const char* curl = "/usr/bin/curl";
  if (!here(curl)) GTEST_SKIP() << "skipped: curl is not installed (scripts/bootstrap)";
  const scratch_folder folder;
  testbed server({"--h2c", "--upload-dir", folder.file("")});
  const std::string body(100'000, 'z');
  const auto put = run({curl, "--silent", "--max-time", "30", "--http2-prior-knowledge", "--data", body,
                        server.url() + "/upload?name=one"});
  EXPECT_EQ(put.said, "100000\n");
  const auto got = run({curl, "--silent", "--max-time", "30", "--http2-prior-knowledge", server.url() + "/stored/one"});
  EXPECT_EQ(got.said, body);
  const auto part = run({curl, "--silent", "--max-time", "30", "--http2-prior-knowledge", "--range", "10-19",
                         server.url() + "/stored/one"});
  EXPECT_EQ(part.said, std::string(10, 'z'));
}

TEST(h2_foreign, h2load_is_answered_every_time) {
  constexpr const char* h2load = "/usr/bin/h2load";
  if (!here(h2load)) GTEST_SKIP() << "skipped: nghttp2-client is not installed (scripts/bootstrap)";
  testbed server({"--h2c"});
  const auto r = run({h2load, "-n", "5000", "-c", "8", "-m", "32", server.url() + "/"});
  EXPECT_NE(r.said.find("5000 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos) << r.said;
}

}  // namespace
