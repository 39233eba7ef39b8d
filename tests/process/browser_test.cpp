// A real browser: its EventSource comes back by itself to the next server on the same port, and misses nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

std::string browser_script() { return std::filesystem::path(__FILE__).parent_path() / "browser.py"; }

struct ticker {
  explicit ticker(const std::string& port) : process({program("ticker"), port}) {
    const auto line = process.wait_for_line("listening on ", deadline(30s));
    if (!line) throw std::runtime_error("the ticker did not start: " + process.errors());
    url = line->substr(line->find("http://"));
  }
  std::string pid() const { return std::to_string(process.pid()); }

  std::string url;
  child_process process;
};

TEST(browser, comes_back_to_the_next_server_by_itself_and_misses_no_event) {
  if (!std::filesystem::exists("/usr/bin/chromium")) GTEST_SKIP() << "skipped: no chromium (scripts/bootstrap)";
  ticker first("0");
  const std::string port = first.url.substr(first.url.rfind(':') + 1);
  // "opened 1, missed 0, of process 4711"; only now and then another.
  child_process browser({"/usr/bin/python3", browser_script(), first.url,
                         "`opened ${opened}, missed ${missed}, ${server} ${last > 5 ? 'for a while' : ''}`"});
  ASSERT_TRUE(browser.wait_for_line("opened 1, missed 0, from process " + first.pid() + " for a while", deadline(90s)))
      << browser.output() << browser.errors();

  first.process.signal(SIGTERM);
  ASSERT_EQ(first.process.wait(deadline(30s)), exit_status{.code = 0}) << first.process.errors();
  ticker second(port);
  EXPECT_TRUE(browser.wait_for_line("opened 2, missed 0, from process " + second.pid(), deadline(30s)))
      << browser.output() << browser.errors();
  browser.signal(SIGTERM);
  browser.wait(deadline(30s));
  second.process.signal(SIGTERM);  // the browser's connection has ended; told or not, it is no loss
  EXPECT_EQ(second.process.wait(deadline(30s)), exit_status{.code = 0}) << second.process.errors();
}

}  // namespace
