// The shop's page in a real browser: it places an order, sees it live, and survives a restart without a reload.
#include <filesystem>

#include "tests/services/kafka_fixture.hpp"
#include "tests/services/shop_fixture.hpp"

namespace service_tests {

namespace {

std::string browser_script() {
  return std::filesystem::path(__FILE__).parent_path().parent_path() / "process/browser.py";
}

// Asked again and again: "live: first shipped, second accepted". Orders the first once the page is live, the second
// once the shop has gone.
constexpr const char* what_the_page_shows = R"((() => {
  window.placed ??= 0;
  const state = $('state').textContent;
  const place = item => { ++window.placed; $('item').value = item; $('form').requestSubmit(); };
  if (window.placed === 0 && state === 'live') place('first');
  if (window.placed === 1 && state !== 'live') place('second');
  return state + ': ' + [...rows.values()].map(row => row.order.item + ' ' + row.order.status).sort().join(', ');
})())";

}  // namespace

TEST(shop_browser, places_orders_sees_them_live_and_loses_none_in_a_restart) {
  if (!std::filesystem::exists("/usr/bin/chromium")) GTEST_SKIP() << "skipped: no chromium (scripts/bootstrap)";
  const process_tests::scratch_folder folder;
  const kafka_brokers brokers({"orders:3"});
  const std::string db = "sqlite:" + folder.file("shop.db");
  std::optional<running_shop> it(std::in_place, folder.file(""), db, brokers.list());
  const std::string port = it->url().substr(it->url().rfind(':') + 1);
  child_process browser({"/usr/bin/python3", browser_script(), it->url(), what_the_page_shows});
  ASSERT_TRUE(browser.wait_for_line("live: first shipped", deadline(120s))) << browser.output() << browser.errors();

  EXPECT_EQ(it->end(), (exit_status{.code = 0})) << it->process.errors();
  ASSERT_TRUE(browser.wait_for_line(": first shipped, second sending", deadline(60s))) << browser.output();
  it.emplace(folder.file(""), db, brokers.list(), std::vector<std::string>{"--port", port});
  EXPECT_TRUE(browser.wait_for_line("live: first shipped, second shipped", deadline(120s)))
      << browser.output() << it->process.errors();
  EXPECT_EQ(it->stat("orders"), 2) << "however often the page has sent them";
  browser.signal(SIGTERM);
  browser.wait(deadline(30s));
  EXPECT_EQ(it->end(), (exit_status{.code = 0})) << it->process.errors();
}

}  // namespace service_tests
