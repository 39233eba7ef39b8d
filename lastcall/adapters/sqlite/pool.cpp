#include "lastcall/adapters/sqlite/pool.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/owned_pool.hpp"

namespace lastcall::inline v0::sqlite {

namespace {

lastcall::pool_options<connection> lending(const pool_options& with, const connection_options& how, const char* part) {
  return {.open =
              [how, first = with.on_connect](const context& by) {
                connection made = std::move(connection::open(by, how)).value();
                for (const std::string& sql : first) static_cast<void>(made.query(by, sql.c_str()).value());
                return made;
              },
          .check = [](connection& of) { return of.is_idle() && !of.is_cancelled(); },
          .cancel = [](connection& of) { of.cancel(); },
          .longest_wait = with.longest_wait,
          .close_within = with.close_within,
          .idle_time = with.idle_time,
          .name = how.name + part};
}

}  // namespace

pool::pool(options with, app& owner) : pool(std::move(with), owner.log(), &owner) {}
pool::pool(options with, logger log) : pool(std::move(with), std::move(log), nullptr) {}

pool::pool(options with, logger log, app* owner)
    : owner_(owner),
      how_{.path = with.path,
           .durability = with.durability,
           .busy_within = with.busy_within,
           .name = with.name.empty() ? "sqlite" : with.name},
      close_within_(with.close_within),
      log_(std::move(log)) {
  connection::check(how_);
  auto writer = lending(with, how_, "_writer");
  writer.most = 1;
  writer.kept_idle = 1;
  connection_options reads = how_;
  reads.access = access::read_only;
  auto readers = lending(with, reads, "_readers");
  readers.most = with.most;
  readers.kept_idle = with.kept_idle;
  writer_ = lastcall::detail::owned_pool(std::move(writer), owner, log_);
  readers_ = lastcall::detail::owned_pool(std::move(readers), owner, log_);
}

pool::~pool() = default;

void pool::start(context by) {
  keeper_.emplace(std::move(connection::open(by, how_)).value());
  // It says whether the file is a database, and opens the log: a checkpoint that has to do that itself reads meanwhile,
  // and waits for its own reading (SQLite 3.40).
  static_cast<void>(keeper_->query(by, "select count(*) from sqlite_schema").value());
  writer_->start(by);
  readers_->start(by);
}

void pool::drain(context by, drained done) {
  struct both_drained {
    std::atomic<int> left = 2;
    drained done;
  };
  const auto both = std::make_shared<both_drained>();
  both->done = std::move(done);
  const auto one = [both] {
    if (--both->left == 0) both->done();
  };
  readers_->drain(by, one);
  writer_->drain(by, one);
}

void pool::force() noexcept {
  readers_->force();
  writer_->force();
}

void pool::stop() noexcept {
  readers_->stop();
  writer_->stop();
  check_point();
  keeper_.reset();
}

// Only the last connection to close removes `-wal`, and one that reads can't.
void pool::check_point() noexcept {
  if (!keeper_) return;
  static_cast<void>(exception_of([&] {
    const context bound =
        within({}, owner_ ? std::min(close_within_, lastcall::detail::share_of_reserve(*owner_)) : close_within_);
    // A checkpoint asks nothing else.
    const stop_callback late(bound.forced_token(), [of = keeper_->native_handle()] { sqlite3_interrupt(of); });
    const auto done = keeper_->query(bound, "pragma wal_checkpoint(truncate)");
    if (done && !done->empty() && (*done)[0].get<int>(0) == 0) return;
    sqlite3_db_config(keeper_->native_handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);  // no second try
    log_.warning(how_.name, "the log could not be written into the database; the next program that opens it does that",
                 {{"why", done ? "others use it" : done.error().what()}});
  }));
}

// What both have is a sum: the numbers of the report are the database's.
void pool::account(component_report& out) const {
  component_report reads;
  writer_->account(out);
  readers_->account(reads);
  for (auto& [key, value] : reads.fields) {
    const auto* const more = std::get_if<std::int64_t>(&value);
    const auto same = std::ranges::find(out.fields, key, [](const auto& field) { return field.first; });
    auto* const sum = same == out.fields.end() ? nullptr : std::get_if<std::int64_t>(&same->second);
    if (more != nullptr && sum != nullptr) {
      *sum += *more;
    } else {
      out.fields.emplace_back(key, value);
    }
  }
  out.lost = out.lost.value_or(false) || reads.lost.value_or(false);
}

void pool::measure(metrics& into) const {
  into.of_component(how_.name + "_writer");
  writer_->measure(into);
  into.of_component(how_.name + "_readers");
  readers_->measure(into);
  into.of_component(how_.name);
}

void pool::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  writer_->in_progress(out, limit);
  readers_->in_progress(out, limit);
}

}  // namespace lastcall::inline v0::sqlite
