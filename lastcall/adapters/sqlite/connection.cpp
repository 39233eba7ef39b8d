#include "lastcall/adapters/sqlite/connection.hpp"

#include <algorithm>
#include <atomic>
#include <list>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::sqlite {

namespace {

constexpr std::size_t most_kept = 64;      // statements
constexpr int steps_between_looks = 1000;  // of SQLite's machine; some ten microseconds
constexpr duration longest_pause = std::chrono::milliseconds(20);

struct finalize {
  void operator()(sqlite3_stmt* of) const noexcept { sqlite3_finalize(of); }
};
using prepared = std::unique_ptr<sqlite3_stmt, finalize>;

struct kept_statement {
  std::string sql;
  prepared it;
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n;") == text.npos; }

}  // namespace

// Ownership: SQLite's handlers refer to it, so it does not move. `cancel`, on another thread, uses only the handle, for
// sqlite3_interrupt, and the flag.
struct connection::parts {
  explicit parts(const options& wanted) : how(wanted) {}
  ~parts() {
    kept.clear();
    sqlite3_close_v2(native);
  }
  parts& operator=(parts&&) = delete;

  /// The call has to end.
  bool is_over() const noexcept {
    return !rolls_back && (forced.load(std::memory_order_relaxed) || (with != nullptr && with->forced()));
  }
  error ended() const {
    if (forced) return {error::reason::forced, how.name + ": cancelled by force", SQLITE_INTERRUPT};
    if (with->cause() == cause::deadline)
      return {error::reason::deadline, how.name + ": no time is left: its deadline has passed", SQLITE_INTERRUPT};
    return {error::reason::forced, how.name + ": its context was forced (" + to_text(with->cause()) + ")",
            SQLITE_INTERRUPT};
  }
  error why(int code) const;
  /// What runs from here on is bounded.
  void watch() noexcept;

  const options how;
  sqlite3* native = nullptr;
  std::atomic<bool> forced = false;  // by `cancel`
  const context* with = nullptr;     // of the call that runs
  time_point busy_end{};             // of the same
  bool rolls_back = false;
  std::list<kept_statement> kept;  // the first was used last
};

/// One call: until it ends, SQLite's handlers ask its context.
class connection::call {
 public:
  call(parts& of, const context& with) noexcept
      : of_(of),
        outer_(std::exchange(of.with, &with)),
        outer_end_(std::exchange(of.busy_end, lastcall::detail::later(steady().now(), of.how.busy_within))) {}
  ~call() {
    of_.with = outer_;
    of_.busy_end = outer_end_;
  }
  call& operator=(call&&) = delete;

 private:
  parts& of_;
  const context* const outer_;  // null, unless a row of another call makes this one
  const time_point outer_end_;
};

error connection::parts::why(int code) const {
  const int kind = code & 0xff;
  const bool waited = kind == SQLITE_BUSY || kind == SQLITE_LOCKED;
  if ((waited || kind == SQLITE_INTERRUPT) && is_over()) return ended();
  if (waited)
    return {error::reason::busy,
            how.name + ": " + sqlite3_errmsg(native) + ", by others, for " + to_text(how.busy_within), code};
  return {error::reason::database, how.name + ": " + sqlite3_errmsg(native), code};
}

void connection::parts::watch() noexcept {
  sqlite3_busy_handler(
      native,
      [](void* at, int tries) {
        const auto& of = *static_cast<parts*>(at);
        const duration left = of.busy_end - steady().now();
        if (of.is_over() || left <= duration::zero()) return 0;
        const duration pause = std::chrono::milliseconds(1) * (tries + 1);
        static_cast<void>(of.with->wait_until_forced_for(std::min({pause, longest_pause, left})));
        return of.is_over() ? 0 : 1;
      },
      this);
  sqlite3_progress_handler(
      native, steps_between_looks, [](void* of) { return static_cast<parts*>(of)->is_over() ? 1 : 0; }, this);
}

connection::connection(std::unique_ptr<parts> of) noexcept : parts_(std::move(of)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

sqlite3* connection::native_handle() const noexcept { return parts_->native; }

void connection::check(const options& of) {
  const lastcall::detail::option_check in(of.name);
  in.time_above_zero("busy_within", of.busy_within);
  if (of.path.empty() || of.path == ":memory:" || of.path.find('\0') != of.path.npos)
    throw std::invalid_argument(of.name + ": path = \"" + of.path +
                                "\"; give the path of a file: several connections can't share a database in memory");
  if (sqlite3_threadsafe() == 0)
    throw std::invalid_argument(of.name + ": this SQLite was built with SQLITE_THREADSAFE=0; take another one");
}

result<connection, error> connection::open(const context& with, const options& how) {
  check(how);
  connection made(std::make_unique<parts>(how));
  parts& of = *made.parts_;
  const bool writes = how.access == access::read_write;
  const int code = sqlite3_open_v2(
      how.path.c_str(), &of.native,
      (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX, nullptr);
  if (of.native == nullptr) throw std::bad_alloc();
  if (code != SQLITE_OK)
    return error(error::reason::database, how.name + ": " + how.path + ": " + sqlite3_errmsg(of.native), code);
  sqlite3_extended_result_codes(of.native, 1);
  of.watch();
  if (writes) {
    const auto mode = made.query(with, "pragma journal_mode = wal");
    if (!mode) return mode.error();
    if (const std::string is((*mode)[0].text(0)); is != "wal")
      return error(error::reason::database, how.name + ": " + how.path + ": journal_mode stays " + is +
                                                ", not wal: is the file on a network disk?");
    for (const char* sql :
         {how.durability == durability::power ? "pragma synchronous = full" : "pragma synchronous = normal",
          "pragma foreign_keys = on", "pragma journal_size_limit = 67108864"})
      if (auto set = made.query(with, sql); !set) return set.error();
  }
  return made;
}

result<std::uint64_t, error> connection::run(const context& with, const char* sql,
                                             const function<void(sqlite3_stmt*)>& row, std::size_t values,
                                             const function<int(sqlite3_stmt*)>& bind) {
  parts& of = *parts_;
  const call here(of, with);
  if (of.is_over()) return of.ended();

  prepared once;  // for a text that is in use already, by a row of which this is called
  auto found = std::ranges::find(of.kept, sql, &kept_statement::sql);
  if (found == of.kept.end() || sqlite3_stmt_busy(found->it.get()) != 0) {
    sqlite3_stmt* made = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(of.native, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, &rest);
    once.reset(made);
    if (code != SQLITE_OK) return of.why(code);
    if (!once || !is_blank(rest))
      return error(error::reason::database, of.how.name + ": give one statement, not \"" + sql + "\"", SQLITE_MISUSE);
    if (found == of.kept.end()) {
      of.kept.push_front({sql, std::move(once)});
      found = of.kept.begin();
      if (of.kept.size() > most_kept)
        if (const auto oldest = std::prev(of.kept.end()); sqlite3_stmt_busy(oldest->it.get()) == 0)
          of.kept.erase(oldest);
    }
  } else {
    of.kept.splice(of.kept.begin(), of.kept, found);
  }
  sqlite3_stmt* const it = once ? once.get() : found->it.get();
  const auto ready = [](sqlite3_stmt* again) {
    sqlite3_reset(again);
    sqlite3_clear_bindings(again);
  };
  const std::unique_ptr<sqlite3_stmt, decltype(ready)> reset_at_the_end(it, ready);

  if (const int wanted = sqlite3_bind_parameter_count(it); std::cmp_not_equal(wanted, values))
    return error(error::reason::database,
                 of.how.name + ": the statement has " + std::to_string(wanted) + " parameters, and " +
                     std::to_string(values) + " values were given: " + sql,
                 SQLITE_RANGE);
  if (const int code = bind(it); code != SQLITE_OK)
    return error(error::reason::database, of.how.name + ": a value can't be bound: " + sqlite3_errstr(code), code);
  const auto before = sqlite3_total_changes64(of.native);
  for (;;) {
    const int code = sqlite3_step(it);
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return of.why(code);
    row(it);
  }
  return sqlite3_total_changes64(of.native) == before ? 0 : static_cast<std::uint64_t>(sqlite3_changes64(of.native));
}

void connection::keep(sqlite3_stmt* at, rows& in) {
  const int columns = sqlite3_column_count(at);
  if (in.names_.empty())
    for (int i = 0; i < columns; ++i) in.names_.emplace_back(sqlite3_column_name(at, i));
  for (int i = 0; i < columns; ++i) {
    in.values_.emplace_back(sqlite3_value_dup(sqlite3_column_value(at, i)));
    if (!in.values_.back()) throw std::bad_alloc();
  }
}

void connection::cancel() noexcept {
  parts_->forced = true;
  sqlite3_interrupt(parts_->native);
}

bool connection::is_cancelled() const noexcept { return parts_->forced; }

// An interrupt that comes while it runs would end it: it counts for what runs then, so the second try passes.
void connection::roll_back() noexcept {
  parts_->rolls_back = true;
  for (int tries = 0; tries < 2 && !is_idle(); ++tries)
    sqlite3_exec(parts_->native, "rollback", nullptr, nullptr, nullptr);
  parts_->rolls_back = false;
}

}  // namespace lastcall::inline v0::sqlite
