// What the shop promises, one promise at a time: docs/guide/a-whole-service.md.
#include <filesystem>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/sqlite.hpp"
#include "tests/services/kafka_fixture.hpp"
#include "tests/services/shop_fixture.hpp"

namespace service_tests {

namespace {

using testing::AllOf;
using testing::HasSubstr;

class shop : public testing::Test {
 protected:
  static void SetUpTestSuite() { brokers_ = std::make_unique<kafka_brokers>(std::vector<std::string>{"orders:3"}); }
  static void TearDownTestSuite() { brokers_.reset(); }

  std::string data() const { return folder_.file(""); }
  std::string file() const { return folder_.file("shop.db"); }
  std::string db() const { return "sqlite:" + file(); }
  running_shop start(const std::vector<std::string>& more = {}) const { return {data(), db(), brokers_->list(), more}; }
  /// Orders k0, k1 and k2 are stored, and the shop has ended.
  void sell_three() const {
    running_shop it = start();
    for (const char* key : {"k0", "k1", "k2"}) EXPECT_EQ(it.order(key).status, 201) << it.process.errors();
    EXPECT_EQ(it.end(), (exit_status{.code = 0})) << it.process.errors();
  }
  void do_to_database(const char* sql) const {
    auto on = *lastcall::sqlite::connection::open({}, {.path = file()});
    static_cast<void>(*on.query({}, sql));
  }
  /// `shop check` of three orders says so.
  void expect_found(int half, int without_event, int keys_twice, int code, int orders = 3) const {
    const auto [found, said] = shop_check(db());
    EXPECT_EQ(said, code);
    EXPECT_EQ(found.number("orders"), orders);
    EXPECT_EQ(found.number("half"), half);
    EXPECT_EQ(found.number("without_event"), without_event);
    EXPECT_EQ(found.number("keys_twice"), keys_twice);
  }

  const process_tests::scratch_folder folder_;
  static std::unique_ptr<kafka_brokers> brokers_;
};
std::unique_ptr<kafka_brokers> shop::brokers_;

}  // namespace

TEST_F(shop, stores_an_order_once_and_shows_it_in_each_way) {
  running_shop it = start();
  const auto made = it.order("a", 2);
  EXPECT_EQ(made.status, 201);
  const document order(made.body);
  EXPECT_EQ(order.text("client_key"), "a");
  EXPECT_EQ(order.text("status"), "accepted");
  const auto again = it.order("a", 2);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(document(again.body).text("id"), order.text("id"));
  EXPECT_EQ(it.order("b").status, 201);

  const auto get = [&it](const std::string& path) { return it.ask("GET " + path + " HTTP/1.1\r\n"); };
  EXPECT_EQ(document(get("/orders/1").body).text("item"), "tea");
  EXPECT_EQ(get("/orders/3").status, 404);
  EXPECT_EQ(get("/orders/x").status, 404);
  EXPECT_EQ(document(get("/orders?client_key=b").body).text("0.id"), "2");
  EXPECT_EQ(document(get("/orders?client_key=c").body).size(""), 0u);
  EXPECT_EQ(document(get("/orders?after=1&limit=5").body).text("0.client_key"), "b");
  EXPECT_EQ(document(get("/orders?limit=1").body).size(""), 1u);
  EXPECT_EQ(get("/orders?limit=0").status, 400);
  EXPECT_EQ(get("/orders?after=x").status, 400);
  EXPECT_THAT(get("/").body, HasSubstr("<title>Shop</title>"));

  EXPECT_TRUE(it.reaches("events_consumed", 2)) << it.process.errors();
  const document shipped(get("/orders/1").body);
  EXPECT_EQ(shipped.text("status"), "shipped");
  EXPECT_EQ(shipped.text("event"), "published");
  EXPECT_EQ(it.stat("duplicates"), 0);
  EXPECT_EQ(it.end(), (exit_status{.code = 0})) << it.process.errors();
  EXPECT_FALSE(std::filesystem::exists(file() + "-wal")) << "the database is closed";
}

TEST_F(shop, refuses_what_is_no_order) {
  running_shop it = start();
  const auto post = [&it](const std::string& body) { return it.ask("POST /orders HTTP/1.1\r\n", body); };
  for (const char* body :
       {"{", "[]", "{}", R"({"client_key":"a","item":"tea"})", R"({"client_key":"a","item":"tea","quantity":0})",
        R"({"client_key":"a","item":"tea","quantity":"1"})", R"({"client_key":"","item":"tea","quantity":1})",
        R"({"client_key":"a\u0000b","item":"tea","quantity":1})", R"({"client_key":1,"item":"tea","quantity":1})"})
    EXPECT_THAT(post(body).body, HasSubstr(R"("status":400)")) << body;
  EXPECT_EQ(post(running_shop::order_text(std::string(201, 'k'), 1)).status, 400);
  EXPECT_EQ(post(std::string(17'000, ' ')).status, 413);
  raw_client on(it.address(),
                "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(on.read_reply().bytes, AllOf(HasSubstr(" 415 "), HasSubstr("application/problem+json")));
  EXPECT_EQ(it.stat("orders"), 0);
}

TEST_F(shop, never_sells_more_than_there_is) {
  const std::vector<std::string> stock{"--stock", "20"};
  {
    running_shop it = start(stock);
    std::atomic<int> sold = 0, refused = 0;
    std::vector<std::thread> clients;
    for (int client = 0; client < 24; ++client)
      clients.emplace_back([&, client] {
        for (int at = 0; at < 3; ++at) {
          const auto said = it.order(std::to_string(client) + "-" + std::to_string(at));
          if (said.status == 201) ++sold;
          if (said.status == 409 && said.body.find("there are not 1 of tea left") != std::string::npos) ++refused;
        }
      });
    for (auto& each : clients) each.join();
    EXPECT_EQ(sold, 20) << it.process.errors();
    EXPECT_EQ(refused, 24 * 3 - 20);
    EXPECT_EQ(it.end(), (exit_status{.code = 0})) << it.process.errors();
  }
  running_shop it = start(stock);
  EXPECT_EQ(it.order("later").status, 409) << "it counts what was sold before";
  EXPECT_EQ(it.stat("orders"), 20);
}

TEST_F(shop, passes_a_clients_deadline_on_to_the_query_and_keeps_nothing_of_what_it_ended) {
  const auto waits = process_tests::sanitized ? 4s : 2s;  // below the 5 s that a statement waits for others
  running_shop it = start({"--stock", "1", "--log", "debug"});
  {
    auto other = *lastcall::sqlite::connection::open({}, {.path = file()});
    const auto writes = *lastcall::sqlite::transaction::begin({}, other);  // so that the shop's query waits
    EXPECT_EQ(it.order("late", 1, "X-Request-Timeout: " + std::to_string(waits / 1ms) + "\r\n").status, 504);
  }
  const auto reserve = it.process.wait_for_error_line("inventory: reserve left=", deadline(30s));
  const auto insert = it.process.wait_for_error_line("orders: insert client_key=late left=", deadline(30s));
  ASSERT_TRUE(reserve && insert) << it.process.errors();
  for (const std::string& line : {*reserve, *insert}) {
    const auto left = lastcall::parse_duration(line.substr(line.rfind('=') + 1));
    ASSERT_TRUE(left) << line;
    EXPECT_LE(*left, waits) << line;
  }
  EXPECT_THAT(it.ask("GET /orders?client_key=late HTTP/1.1\r\n").body, HasSubstr("[]"));
  // What the query had reserved goes back once it has ended.
  for (const deadline by(60s); it.order("next").status == 409;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now()));
  EXPECT_EQ(it.stat("orders"), 1);
  EXPECT_EQ(it.order("none").status, 409);
}

TEST_F(shop, checks_what_its_database_holds) {
  sell_three();
  expect_found(0, 0, 0, 0);
  do_to_database("delete from order_lines where order_id = 2");
  expect_found(1, 0, 0, 1);
  do_to_database("insert into order_lines values (2, 'tea', 1)");
  do_to_database("update outbox set published_at = null where order_id = 2");
  expect_found(0, 1, 0, 0);
  do_to_database("delete from outbox where order_id = 2");
  expect_found(1, 0, 0, 1);
  do_to_database("insert into outbox(order_id, published_at) values (2, current_timestamp)");
  do_to_database("drop index orders_client_key");
  do_to_database("update orders set client_key = 'k0' where id = 3");
  expect_found(0, 0, 1, 1);
}

TEST_F(shop, says_what_it_can_not_check) {
  for (const auto& [db, says] : std::map<std::string, std::string>{{db(), "unable to open database file"},
                                                                   {"mysql:x", "give sqlite:PATH or postgres:CONNINFO"},
                                                                   {"postgres:host=/nowhere", "/nowhere"}}) {
    child_process it({process_tests::program("shop"), "check", "--db", db});
    EXPECT_EQ(it.wait(deadline(60s)), (exit_status{.code = 2}));
    EXPECT_THAT(it.errors(), HasSubstr(says));
  }
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(shop, sends_events_once_brokers_are_back_and_waits_for_none_at_the_end) {
  {
    const kafka_brokers down({"orders:3"});
    down.order("down");
    running_shop it(data(), db(), down.list());
    EXPECT_EQ(it.order("k0").status, 201) << "the outbox keeps its event";
    EXPECT_EQ(it.end(), (exit_status{.code = 0})) << it.process.errors();
    expect_found(0, 1, 0, 0, 1);
  }
  running_shop it = start();
  EXPECT_TRUE(it.reaches("events_published", 1)) << it.process.errors();
}

TEST_F(shop, leaves_its_embedded_brokers_to_the_next_one) {
  const auto stop = [this] {
    child_process it({process_tests::program("shop"), "--stop-kafka", "--data", data()});
    EXPECT_EQ(it.wait(deadline(60s)), (exit_status{.code = 0})) << it.errors();
    return it.output();
  };
  struct at_the_end {
    const std::function<void()> f;
    ~at_the_end() { f(); }
  };
  const at_the_end none_is_left{stop};
  for (int run = 0; run < 2; ++run) {
    running_shop it(data(), db(), "embedded");
    EXPECT_EQ(it.order("k" + std::to_string(run)).status, 201);
    EXPECT_TRUE(it.reaches("events_consumed", run + 1)) << it.process.errors();
    EXPECT_EQ(it.end(), (exit_status{.code = 0})) << it.process.errors();
  }
  EXPECT_EQ(document(shop_check(db()).first).number("without_event"), 0);
  EXPECT_EQ(stop(), "stopped\n");
  EXPECT_EQ(stop(), "none runs\n");
}

class shop_hangs : public shop, public testing::WithParamInterface<const char*> {
 protected:
  void is_gone_in_time() const {
    const auto grace = process_tests::sanitized ? 10s : 3s;
    // Half of the reserve is for the stops of the others, whose files a busy disk may keep waiting.
    running_shop it(data(), db(), brokers_->list(), {"--hang", GetParam(), "--grace", lastcall::to_text(grace)},
                    {"LASTCALL_RESERVE=" + lastcall::to_text(grace / 2)});
    EXPECT_EQ(it.order("a").status / 100, 2);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(it.end(), (exit_status{.code = 4})) << it.process.errors();
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_LE(took, grace + (process_tests::sanitized ? 20s : process_tests::long_run() ? 100ms : 300ms));
    const document report = it.report();
    ASSERT_EQ(report.size("hung"), 1u) << it.process.errors();
    EXPECT_EQ(report.text("hung.0"), GetParam());
    for (std::size_t at = 0; at < report.size("components"); ++at) {
      const std::string path = "components." + std::to_string(at);
      if (report.text(path + ".name") != GetParam()) {
        EXPECT_EQ(report.text(path + ".stopped"), "true") << report.text(path + ".name");
      }
    }
  }
};

TEST_P(shop_hangs, is_named_and_the_others_stop_in_time) {
  lastcall::by_median([this] { is_gone_in_time(); });
}

INSTANTIATE_TEST_SUITE_P(in, shop_hangs,
                         testing::Values("http", "consumer", "heartbeat", "inventory", "outbox", "producer",
                                         "database"));

}  // namespace service_tests
