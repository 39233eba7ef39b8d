#include <chrono>

#include "bank.hpp"
#include "lastcall/sqlite.hpp"

using namespace std::chrono_literals;
namespace sqlite = lastcall::sqlite;

namespace {

class in_sqlite final : public bank {
 public:
  explicit in_sqlite(sqlite::pool& pool) : pool_(pool) {}

  void prepare(const lastcall::context& with) override {
    auto on = *pool_.write(with);
    auto work = *sqlite::transaction::begin(with, *on);
    static_cast<void>(*work.query(with,
                                  "create table if not exists account("
                                  "id integer primary key, balance integer not null check (balance >= 0))"));
    static_cast<void>(*work.query(with,
                                  "create table if not exists transfer(key text primary key, source integer not null, "
                                  "target integer not null, amount integer not null)"));
    static_cast<void>(*work.query(with,
                                  "with recursive n(id) as (values (1) union all select id + 1 from n where id < 100) "
                                  "insert or ignore into account select id, 1000 from n"));
    static_cast<void>(*work.commit(with));
  }

  outcome move(const lastcall::context& with, const transfer& what) override {
    auto on = *pool_.write(with);
    on.label("a transfer");
    auto work = *sqlite::transaction::begin(with, *on);
    const auto noted = *work.query(with, "insert or ignore into transfer values (?1, ?2, ?3, ?4)", what.key, what.from,
                                   what.to, what.amount);
    if (noted.affected() == 0) return outcome::done;  // the key is there: done before
    const auto both = *work.query(with, "select id, balance from account where id in (?1, ?2)", what.from, what.to);
    if (both.size() != 2) return outcome::no_such_account;
    for (const sqlite::row one : both)
      if (one.get<int>(0) == what.from && one.get<std::int64_t>(1) < what.amount) return outcome::balance_too_small;
    static_cast<void>(
        *work.query(with, "update account set balance = balance - ?2 where id = ?1", what.from, what.amount));
    with.wait_until_forced_for(3ms);  // long enough to be told to stop in between
    static_cast<void>(
        *work.query(with, "update account set balance = balance + ?2 where id = ?1", what.to, what.amount));
    static_cast<void>(*work.commit(with));
    return outcome::done;
  }

  std::int64_t sum(const lastcall::context& with) override {
    auto on = *pool_.read(with);
    return (*on->query(with, "select sum(balance) from account"))[0].get<std::int64_t>(0);
  }

  std::optional<transfer> find(const lastcall::context& with, const std::string& key) override {
    auto on = *pool_.read(with);
    const auto found = *on->query(with, "select source, target, amount from transfer where key = ?1", key);
    if (found.empty()) return std::nullopt;
    return transfer{key, found[0].get<int>(0), found[0].get<int>(1), found[0].get<std::int64_t>(2)};
  }

  void sleep(const lastcall::context& with, int seconds) override {
    auto on = *pool_.read(with);
    on.label("a sleep");
    const auto cut = on->query(lastcall::within(with, std::chrono::seconds(seconds)),
                               "with recursive n(i) as (values (1) union all select 1 from n) select count(*) from n");
    if (with.forced() || cut.error().why() != sqlite::error::reason::deadline) static_cast<void>(*cut);
  }

 private:
  sqlite::pool& pool_;
};

}  // namespace

kept_bank sqlite_bank(lastcall::app& app, const std::string& path, std::size_t connections) {
  const auto pool = app.add<sqlite::pool>("sqlite", {.path = path, .most = connections});
  return {std::make_unique<in_sqlite>(*pool), pool};
}
