#include "lastcall/adapters/postgres/connection.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "lastcall/adapters/postgres/canceller.hpp"
#include "lastcall/adapters/postgres/wire.hpp"
#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::postgres {

struct detail::statement {
  enum class kind : unsigned char { query, prepare, execute };
  kind what = kind::query;
  const char* name = "";
  const char* sql = "";
  parameter_lists values{};
};

namespace {

using detail::wanted;

error::reason reason_of(const context& with) noexcept {
  return with.cause() == cause::deadline ? error::reason::deadline : error::reason::forced;
}

std::string text_of(const context& with) {
  if (with.cause() == cause::deadline) return "no time is left: its deadline has passed";
  return std::string("its context was forced (") + to_text(with.cause()) + ")";
}

/// PQcancel has no bound, so it has a thread, which owns all that it uses.
void cancel_without_bound(PGconn* of) noexcept {
  PGcancel* const handle = PQgetCancel(of);
  if (handle == nullptr) return;
  const lastcall::detail::no_signals_of_others blocked;
  if (exception_of([&] {
        lastcall::detail::own_thread([handle] {
          char why[256];
          PQcancel(handle, why, sizeof why);
          PQfreeCancel(handle);
        }).detach();
      }) != nullptr)
    PQfreeCancel(handle);
}

}  // namespace

// Ownership: `cancel`, on another thread, uses only the canceller, the backend's number and the flag.
struct connection::parts {
  parts(const options& with, logger to, std::shared_ptr<detail::canceller> by)
      : how(with), log(std::move(to)), cancels(std::move(by)), wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~parts() {
    PQfinish(native);
    if (wake >= 0) close(wake);
  }
  parts& operator=(parts&&) = delete;

  const options how;
  const logger log;
  const std::shared_ptr<detail::canceller> cancels;
  const int wake;  // readable: the context of the call has ended
  PGconn* native = nullptr;
  bool given_up = false;
  std::atomic<bool> forced = false;  // by `cancel`
  std::optional<int> limit_ms;       // statement_timeout as we set it; empty: not known
  bool limit_in_transaction = false;
  std::set<std::string, std::less<>> prepared;
};

connection::connection(std::unique_ptr<parts> of) noexcept : parts_(std::move(of)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

PGconn* connection::native_handle() const noexcept { return parts_->native; }

void connection::check(const options& of) {
  const lastcall::detail::option_check in(of.name);
  in.time_above_zero("connect_within", of.connect_within);
  in.time_above_zero("cancel_within", of.cancel_within);
  char* why = nullptr;
  PQconninfoOption* const parsed = PQconninfoParse(of.conninfo.c_str(), &why);
  if (parsed != nullptr) {
    PQconninfoFree(parsed);
    return;
  }
  std::string text = of.name + ": conninfo: " + (why != nullptr ? why : "no memory");
  PQfreemem(why);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  throw std::invalid_argument(text + "; give keywords as in \"host=db dbname=shop\", or postgresql://host/dbname");
}

result<connection, error> connection::open(const context& with, const options& how, logger log) {
  return open(with, how, std::move(log), std::make_shared<detail::canceller>(how.conninfo));
}

result<connection, error> connection::open(const context& with, const options& how, logger log,
                                           std::shared_ptr<detail::canceller> by) {
  check(how);
  auto made = std::make_unique<parts>(how, std::move(log), std::move(by));
  if (made->wake < 0) return error(error::reason::connection, how.name + ": no descriptor is left");
  const time_point end = std::min(with.end(), lastcall::detail::later(steady().now(), how.connect_within));
  {
    const stop_callback told(with.forced_token(), [fd = made->wake] { eventfd_write(fd, 1); });
    made->native = PQconnectStart(how.conninfo.c_str());
    if (!detail::open(made->native, end, made->wake)) {
      char buffer[512];
      const char* const why = made->native != nullptr ? detail::message_of(made->native, buffer) : "no memory";
      if (with.forced()) return error(reason_of(with), how.name + ": not connected: " + text_of(with));
      if (steady().now() >= end)
        return error(error::reason::connection, how.name + ": no connection within " + to_text(how.connect_within) +
                                                    (*why != '\0' ? std::string(": ") + why : std::string()));
      return error(error::reason::connection, how.name + ": " + why);
    }
  }
  eventfd_t ignored = 0;
  eventfd_read(made->wake, &ignored);
  PQsetnonblocking(made->native, 1);
  PQsetNoticeReceiver(
      made->native,
      [](void* to, const PGresult* notice) {
        auto& of = *static_cast<parts*>(to);
        const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (severity != nullptr && std::string_view(severity) == "FATAL") of.given_up = true;  // it closes it now
        const char* const text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
        of.log.debug(of.how.name, "notice of the server", {{"text", text != nullptr ? text : ""}});
      },
      made.get());
  return connection(std::move(made));
}

result<rows, error> connection::run_query(const context& with, const char* sql, detail::parameter_lists values) {
  return run(with, {.what = detail::statement::kind::query, .sql = sql, .values = values});
}
result<rows, error> connection::run_prepared(const context& with, const char* name, detail::parameter_lists values) {
  return run(with, {.what = detail::statement::kind::execute, .name = name, .values = values});
}
result<rows, error> connection::prepare(const context& with, const std::string& name, const char* sql) {
  if (parts_->prepared.contains(name)) return rows(nullptr);
  auto done = run(with, {.what = detail::statement::kind::prepare, .name = name.c_str(), .sql = sql});
  if (done) parts_->prepared.insert(name);
  return done;
}

result<rows, error> connection::run(const context& with, const detail::statement& what) {
  if (parts_->given_up) return error(error::reason::connection, parts_->how.name + ": the connection was given up");
  if (with.forced()) return error(reason_of(with), parts_->how.name + ": not sent: " + text_of(with));
  limit_on_the_server(with);
  const auto& [count, texts, lengths, formats] = what.values;
  int sent = 0;
  switch (what.what) {
    case detail::statement::kind::query:
      sent = PQsendQueryParams(parts_->native, what.sql, count, nullptr, texts, lengths, formats, 0);
      break;
    case detail::statement::kind::prepare:
      sent = PQsendPrepare(parts_->native, what.name, what.sql, 0, nullptr);
      break;
    case detail::statement::kind::execute:
      sent = PQsendQueryPrepared(parts_->native, what.name, count, texts, lengths, formats, 0);
      break;
  }
  if (sent != 1) return lost("sending");
  return finish(with);
}

result<rows, error> connection::finish(const context& with) {
  const time_point end = with.end();
  const stop_callback told(with.forced_token(), [fd = parts_->wake] { eventfd_write(fd, 1); });
  answers all;
  for (;;) {
    const wanted next = detail::step_of_query(parts_->native);
    if (next == wanted::nothing) {
      if (take(all)) return answer(std::move(all));
      continue;
    }
    if (next == wanted::failed) return lost("in the middle of a statement");
    if (!detail::wait(parts_->native, next, end, parts_->wake) || with.forced()) return cut_short(with, std::move(all));
    if (PQconsumeInput(parts_->native) != 1) return lost("in the middle of a statement");
  }
}

/// True: the statement is over, or the connection copies. PQgetResult does not block here.
bool connection::take(answers& all) {
  PGresult* const next = PQgetResult(parts_->native);
  if (next == nullptr) return true;
  rows it(next);
  const ExecStatusType status = PQresultStatus(next);
  if (!all.failed) all.last = std::move(it);
  if (status == PGRES_FATAL_ERROR) all.failed = true;
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/// The last result, or the first that is an error.
result<rows, error> connection::answer(answers all) {
  if (parts_->limit_in_transaction && PQtransactionStatus(parts_->native) == PQTRANS_IDLE) {
    parts_->limit_in_transaction = false;
    parts_->limit_ms.reset();  // a rollback takes it back
  }
  if (!all.failed) return std::move(all.last);
  const auto field = [&](int of) {
    const char* const text = PQresultErrorField(all.last.native_handle(), of);
    return std::string(text != nullptr ? text : "");
  };
  const std::string state = field(PG_DIAG_SQLSTATE);
  if (PQstatus(parts_->native) == CONNECTION_BAD) parts_->given_up = true;
  if (state == "57014" && parts_->forced.exchange(false))
    return error(error::reason::forced, parts_->how.name + ": cancelled by force", state);
  if (state.empty()) return lost("in the middle of a statement");
  std::string text = parts_->how.name + ": " + field(PG_DIAG_MESSAGE_PRIMARY);
  if (const std::string more = field(PG_DIAG_MESSAGE_DETAIL); !more.empty()) text.append(": ").append(more);
  return error(error::reason::server, std::move(text), state);
}

/// Its context has ended while the statement runs: cancels it, and waits for what the server says.
result<rows, error> connection::cut_short(const context& with, answers all) {
  const time_point by = lastcall::detail::later(steady().now(), parts_->how.cancel_within);
  const bool confirmed = parts_->cancels->cancel(PQbackendPID(parts_->native), by);
  if (!confirmed) cancel_without_bound(parts_->native);
  eventfd_t ignored = 0;
  eventfd_read(parts_->wake, &ignored);
  const auto reason = reason_of(with);
  const std::string text = parts_->how.name + ": cancelled: " + text_of(with);
  for (;;) {
    const wanted next = detail::step_of_query(parts_->native);
    if (next == wanted::nothing) {
      if (!take(all)) continue;
      if (!confirmed) parts_->given_up = true;  // the cancel may still come, and meet the next statement
      auto came = answer(std::move(all));
      if (came || came.error().sqlstate() != "57014") return came;  // it had ended before
      return error(reason, text, "57014");
    }
    if (next == wanted::failed || !detail::wait(parts_->native, next, by) || PQconsumeInput(parts_->native) != 1) {
      parts_->given_up = true;
      return error(reason, text + "; the server did not say so within " + to_text(parts_->how.cancel_within));
    }
  }
}

error connection::lost(const char* when) {
  char buffer[512];
  const bool bad = PQstatus(parts_->native) == CONNECTION_BAD;
  std::string text = parts_->how.name + ": " + detail::message_of(parts_->native, buffer);
  if (!bad) return {error::reason::misuse, std::move(text)};  // as libpq says: another command is in progress, COPY
  parts_->given_up = true;
  return {error::reason::connection, text.append(" (the connection was lost ").append(when).append(")")};
}

/// So that the server ends a statement whose client has gone. It is told a power of two of milliseconds, not below what
/// is left, so that most statements need not tell it again.
void connection::limit_on_the_server(const context& with) {
  const time_point end = with.end();
  int wished = 0;
  if (end != time_point::max()) {
    const int left = with.remaining_ms();
    const int now = parts_->limit_ms.value_or(0);
    if (now >= left && now / 2 <= left + 32) return;
    wished = static_cast<int>(std::bit_ceil(static_cast<unsigned>(std::max(left, 64))));
  } else if (parts_->limit_ms.value_or(0) == 0) {
    return;
  }
  const PGTransactionStatusType state = PQtransactionStatus(parts_->native);
  if (state != PQTRANS_IDLE && state != PQTRANS_INTRANS) return;
  const std::string sql = "set statement_timeout = " + std::to_string(wished);
  if (PQsendQueryParams(parts_->native, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) return;
  if (!finish(with)) return;
  parts_->limit_ms = wished;
  parts_->limit_in_transaction = state == PQTRANS_INTRANS;
}

bool connection::is_idle() const noexcept {
  return !parts_->given_up && PQstatus(parts_->native) == CONNECTION_OK &&
         PQtransactionStatus(parts_->native) == PQTRANS_IDLE;
}

// What comes on an idle connection is a notification, a notice, the server's farewell or its end.
bool connection::is_broken() const noexcept {
  for (int messages = 0; messages < 8; ++messages) {
    if (parts_->given_up || PQstatus(parts_->native) != CONNECTION_OK) return true;
    pollfd watched{.fd = PQsocket(parts_->native), .events = POLLIN, .revents = 0};
    if (poll(&watched, 1, 0) <= 0) return false;
    if (PQconsumeInput(parts_->native) != 1) return true;
    PQisBusy(parts_->native);  // reads the messages
  }
  return false;
}

void connection::give_up() noexcept { parts_->given_up = true; }

void connection::cancel() noexcept {
  parts_->forced = true;
  const time_point by = lastcall::detail::later(steady().now(), parts_->how.cancel_within);
  if (exception_of([&] {
        if (!parts_->cancels->cancel(PQbackendPID(parts_->native), by)) cancel_without_bound(parts_->native);
      }) != nullptr)
    cancel_without_bound(parts_->native);
}

}  // namespace lastcall::inline v0::postgres
