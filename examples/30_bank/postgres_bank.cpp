#include <chrono>

#include "bank.hpp"
#include "lastcall/postgres.hpp"

using namespace std::chrono_literals;
namespace pg = lastcall::postgres;

namespace {

class in_postgres final : public bank {
 public:
  explicit in_postgres(pg::pool& pool) : pool_(pool) {}

  void prepare(const lastcall::context& with) override {
    auto on = *pool_.acquire(with);
    // Two banks may begin at the same time.
    auto work = *pg::transaction::begin(with, *on);
    static_cast<void>(*work.query(with, "select pg_advisory_xact_lock(30)"));
    static_cast<void>(*work.query(with,
                                  "create table if not exists account("
                                  "id int primary key, balance bigint not null check (balance >= 0))"));
    static_cast<void>(*work.query(with,
                                  "create table if not exists transfer(key text primary key, source int not null, "
                                  "target int not null, amount bigint not null)"));
    static_cast<void>(*work.query(with,
                                  "insert into account select id, 1000 from generate_series(1, 100) id "
                                  "on conflict do nothing"));
    static_cast<void>(*work.commit(with));
  }

  outcome move(const lastcall::context& with, const transfer& what) override {
    auto on = *pool_.acquire(with);
    on.label("a transfer");
    auto work = *pg::transaction::begin(with, *on);
    const auto noted = *work.query(with, "insert into transfer values ($1, $2, $3, $4) on conflict do nothing",
                                   what.key, what.from, what.to, what.amount);
    if (noted.affected() == 0) return outcome::done;  // the key is there: done before
    // In one order everywhere, so that two transfers never wait for each other.
    const auto both = *work.query(with, "select id, balance from account where id in ($1, $2) order by id for update",
                                  what.from, what.to);
    if (both.size() != 2) return outcome::no_such_account;
    for (const pg::row one : both)
      if (one.get<int>(0) == what.from && one.get<std::int64_t>(1) < what.amount) return outcome::balance_too_small;
    static_cast<void>(
        *work.query(with, "update account set balance = balance - $2 where id = $1", what.from, what.amount));
    with.wait_until_forced_for(3ms);  // long enough to be told to stop in between
    static_cast<void>(
        *work.query(with, "update account set balance = balance + $2 where id = $1", what.to, what.amount));
    static_cast<void>(*work.commit(with));
    return outcome::done;
  }

  std::int64_t sum(const lastcall::context& with) override {
    auto on = *pool_.acquire(with);
    return (*on->query(with, "select sum(balance)::int8 from account"))[0].get<std::int64_t>(0);
  }

  std::optional<transfer> find(const lastcall::context& with, const std::string& key) override {
    auto on = *pool_.acquire(with);
    const auto found = *on->query(with, "select source, target, amount from transfer where key = $1", key);
    if (found.empty()) return std::nullopt;
    return transfer{key, found[0].get<int>(0), found[0].get<int>(1), found[0].get<std::int64_t>(2)};
  }

  void sleep(const lastcall::context& with, int seconds) override {
    auto on = *pool_.acquire(with);
    on.label("a sleep");
    static_cast<void>(*on->query(with, "select pg_sleep($1)", seconds));
  }

 private:
  pg::pool& pool_;
};

}  // namespace

kept_bank postgres_bank(lastcall::app& app, const std::string& conninfo, std::size_t connections) {
  const auto pool = app.add<pg::pool>("postgres", {.conninfo = conninfo, .most = connections});
  return {std::make_unique<in_postgres>(*pool), pool};
}
