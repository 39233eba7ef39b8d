// The shop is stopped and started in the middle of its work: each order that a client was told is stored once, with its
// line and its event, and nobody sees a restart as more than a pause.
#include <memory>
#include <random>
#include <sstream>

#include "lastcall/postgres.hpp"
#include "lastcall/sqlite.hpp"
#include "tests/services/kafka_fixture.hpp"
#include "tests/services/postgres_cluster.hpp"
#include "tests/services/shop_fixture.hpp"

namespace service_tests {

namespace {

constexpr int partitions = 3;

/// What stands behind the shop, from its first start to its last end.
class shop_restarts : public testing::Test {
 protected:
  /// A row of numbers.
  using asks = std::function<std::vector<std::int64_t>(const char* sql)>;

  asks sqlite() {
    db_ = "sqlite:" + folder_.file("shop.db");
    return [path = folder_.file("shop.db")](const char* sql) {
      auto on = *lastcall::sqlite::connection::open({}, {.path = path});
      return numbers_of(*on.query({}, sql));
    };
  }
  asks postgres() {
    server_ = std::make_unique<postgres_cluster>();
    db_ = "postgres:" + server_->conninfo();
    return [this](const char* sql) {
      auto on = *lastcall::postgres::connection::open({}, {.conninfo = server_->conninfo(), .connect_within = 60s});
      return numbers_of(*on.query({}, sql));
    };
  }
  template <class Rows> static std::vector<std::int64_t> numbers_of(const Rows& all) {
    std::vector<std::int64_t> numbers;
    for (int at = 0; at < all.columns(); ++at) numbers.push_back(all[0].template get<std::int64_t>(at));
    return numbers;
  }

  std::unique_ptr<running_shop> start(const std::vector<std::string>& more = {}) {
    return std::make_unique<running_shop>(folder_.file(""), db_, brokers_.list(), more);
  }
  std::int64_t committed() const {
    std::int64_t all = 0;
    for (const auto each : committed_offsets(brokers_.list(), "shop", "orders", partitions)) all += each < 0 ? 0 : each;
    return all;
  }
  void expect_whole() const {
    const auto [found, code] = shop_check(db_);
    EXPECT_EQ(code, 0) << found.json();
  }
  void restarts(const asks& ask, int times);
  void is_killed(const asks& ask);
  void expect_all_is_there(const asks& ask, const shop_clients& clients);

  std::string db_;

 private:
  const process_tests::scratch_folder folder_;
  std::unique_ptr<postgres_cluster> server_;
  const kafka_brokers brokers_{{"orders:" + std::to_string(partitions)}};
};

void shop_restarts::expect_all_is_there(const asks& ask, const shop_clients& clients) {
  // Clients that were stopped before they were told may have one order more each.
  const auto stored = ask("select count(*), count(distinct client_key) from orders");
  EXPECT_EQ(stored[0], stored[1]) << "a key is there twice";
  for (auto it = clients.orders().begin(); it != clients.orders().end();) {
    std::string some = "select count(*) from orders where ";
    std::int64_t count = 0;
    for (; it != clients.orders().end() && count < 200; ++it, ++count)
      some.append(count == 0 ? "" : " or ").append("(client_key = '" + it->first + "' and id = " + it->second + ")");
    EXPECT_EQ(ask(some.c_str())[0], count) << "orders that clients were told are not there";
  }
}

void shop_restarts::restarts(const asks& ask, int times) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  shop_clients clients(8, 20ms);
  for (int round = 0; round < times; ++round) {
    SCOPED_TRACE("restart " + std::to_string(round));
    const auto it = start();
    const double consumed = it->stat("events_consumed");
    std::vector<std::unique_ptr<watcher>> watchers;
    for (int i = 0; i < 6; ++i) watchers.push_back(std::make_unique<watcher>(it->address(), i % 2 == 0));
    clients.go_to(it->address());
    EXPECT_TRUE(it->reaches("events_consumed", consumed + 1)) << it->process.errors();
    EXPECT_TRUE(clients.reach(clients.told() + random() % 60)) << it->process.errors();  // a moment that is tested
    const auto told = std::chrono::steady_clock::now();
    ASSERT_EQ(it->end(), (exit_status{.code = 0})) << it->process.errors();
    EXPECT_LT(std::chrono::steady_clock::now() - told, 20s) << "its grace period";
    for (const auto& each : watchers) {
      EXPECT_THAT(each->end(), testing::AnyOf("1001 and FIN", "hint and FIN"));
      EXPECT_GT(each->changes(), 0u);
    }
    process_tests::expect_ledgers_add_up(it->report());
    EXPECT_EQ(it->report().number("requests.forced"), 0);
    expect_whole();
    EXPECT_EQ(committed(), ask("select cast(coalesce(sum(times), 0) as bigint) from consumed")[0])
        << "the group's position is what was consumed\n"
        << it->process.errors();
    EXPECT_EQ(clients.lost(), 0u) << it->process.errors();
    EXPECT_EQ(clients.wrong(), 0u) << clients.first_wrong();
  }
  clients.stop();
  const auto it = start();
  EXPECT_TRUE(it->reaches("events_consumed", it->stat("orders"))) << it->process.errors();
  EXPECT_EQ(it->stat("events_published"), it->stat("orders"));
  EXPECT_EQ(it->stat("duplicates"), 0);
  EXPECT_EQ(it->end(), (exit_status{.code = 0})) << it->process.errors();
  expect_whole();
  expect_all_is_there(ask, clients);
  EXPECT_EQ(ask("select count(*) from orders where status <> 'shipped'")[0], 0);
  EXPECT_EQ(committed(), ask("select count(*) from orders")[0]);
  std::printf("%d restarts: %zu orders, none lost, none twice, none half; %llu put off by 503\n", times,
              clients.orders().size(), static_cast<unsigned long long>(clients.put_off()));
}

void shop_restarts::is_killed(const asks& ask) {
  shop_clients clients(8);
  for (int round = 0; round < process_tests::runs(5, 1); ++round) {
    const auto it = start();
    clients.go_to(it->address());
    EXPECT_TRUE(it->reaches("events_consumed", it->stat("events_consumed") + 1)) << it->process.errors();
    EXPECT_TRUE(clients.reach(clients.told() + 20));
    it->process.signal(SIGKILL);
    ASSERT_TRUE(it->process.wait(deadline(60s)));
    expect_whole();
  }
  const auto it = start();
  clients.go_to(it->address());
  EXPECT_TRUE(clients.reach(clients.told() + 20));  // those that had no answer ask again
  clients.stop();
  EXPECT_GT(clients.lost(), 0u) << "this is what a shutdown spares them";
  EXPECT_TRUE(it->reaches("events_consumed", it->stat("orders"))) << it->process.errors();
  EXPECT_EQ(it->end(), (exit_status{.code = 0})) << it->process.errors();
  expect_whole();
  expect_all_is_there(ask, clients);
}

}  // namespace

TEST_F(shop_restarts, on_sqlite_lose_nothing_and_do_nothing_twice) {
  const auto ask = sqlite();
  restarts(ask, process_tests::runs(50, 2));
}

TEST_F(shop_restarts, on_postgres_lose_nothing_and_do_nothing_twice) {
  const auto ask = postgres();
  restarts(ask, process_tests::runs(50, 2));
}

TEST_F(shop_restarts, by_sigkill_on_sqlite_lose_answers_but_no_order) { is_killed(sqlite()); }

TEST_F(shop_restarts, by_sigkill_on_postgres_lose_answers_but_no_order) { is_killed(postgres()); }

// That the clients above would see it.
TEST_F(shop_restarts, that_cut_each_part_at_once_lose_what_is_on_its_way) {
  sqlite();
  shop_clients clients(8);
  const auto it = start({"--stop", "close"});
  clients.go_to(it->address());
  EXPECT_TRUE(clients.reach(20));
  EXPECT_TRUE(it->end());
  clients.stop();
  EXPECT_GT(clients.lost() + clients.put_off() + clients.wrong(), 0u);
  expect_whole();
}

}  // namespace service_tests
