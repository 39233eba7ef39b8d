#include "lastcall/adapters/postgres/talk.hpp"

#include <strings.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::postgres::detail {

talk::~talk() {
  if (on_.in_call) on_.given_up = true;
  on_.in_call = false;
}

talk::step talk::begin() {
  if (on_.given_up) return fail({error::reason::connection, on_.how.name + ": the connection was given up"});
  if (on_.in_call) {
    refused_.emplace(error::reason::misuse, on_.how.name + ": another call with this connection is not over");
    return {.what = step::kind::over};
  }
  before_ = PQtransactionStatus(on_.native);
  if (before_ == PQTRANS_IDLE) on_.cut_by_force = false;
  end_ = end();
  if (has_ended()) {
    if (is_answered()) return {.what = step::kind::over};
    if (before_ != PQTRANS_IDLE && reason() == error::reason::forced) count_cut(true);
    return fail(ended("not sent"));
  }
  on_.in_call = true;
  if (on_.tells_limit && is_limited() && limit()) {
    phase_ = phase::limiting;
    return next();
  }
  return say();
}

talk::step talk::say() {
  phase_ = phase::running;
  said_ = true;
  if (!send()) return fail(lost());
  return next();
}

talk::step talk::next() {
  switch (const wanted ready = said_ ? advance() : advance_results()) {
    case wanted::nothing:
      return over();
    case wanted::failed:
      return fail(lost());
    default:
      return {.what = step::kind::wait, .ready = ready, .by = phase_ == phase::cut ? again_ : end_};
  }
}

talk::step talk::go_on(bool in_time) {
  if (phase_ == phase::cut) {
    if (!in_time) return steady().now() < by_ ? ask_to_cancel() : unconfirmed();
  } else if (!in_time || has_ended()) {
    return cut();
  }
  if (PQconsumeInput(on_.native) != 1) return fail(lost());
  const step after = next();
  if (phase_ == phase::cut && after.what == step::kind::wait && steady().now() >= by_) return unconfirmed();
  return after;
}

talk::step talk::unconfirmed() {
  on_.given_up = true;
  count_cut(false);
  error why = ended("cancelled");
  return fail({error::reason::connection,
               std::string(why.what()) + "; the server did not say so within " + to_text(on_.cancel_within())});
}

talk::step talk::cut() { return cancel_within_bounds(); }

talk::step talk::cancel_within_bounds() {
  phase_ = phase::cut;
  by_ = lastcall::detail::later(steady().now(), on_.cancel_within());
  return ask_to_cancel();
}

talk::step talk::ask_to_cancel() {
  const time_point half = lastcall::detail::later(steady().now(), on_.cancel_within() / 2);
  return {.what = step::kind::cancel, .by = std::min(half, by_)};
}

talk::step talk::give_up() {
  on_.given_up = true;
  return fail(ended("given up"));
}

talk::step talk::cancel_asked(bool sent) {
  sent_ = sent;
  again_ = sent ? std::min(by_, lastcall::detail::later(steady().now(), on_.cancel_within() / 4)) : by_;
  if (!sent) cancel_without_bound(on_.fallback);
  return next();
}

talk::step talk::stop_here() {
  on_.in_call = false;
  return {.what = step::kind::over};
}

talk::step talk::over() {
  if (!said_) {
    if (!failed_) {
      on_.limit_ms = limit_ms_;
      on_.limit_in_transaction = before_ == PQTRANS_INTRANS;
    }
    last_ = rows(nullptr);
    failed_ = false;
    if (phase_ == phase::limiting) return say();
  }
  on_.in_call = false;
  if (phase_ == phase::cut && !sent_) on_.given_up = true;  // the cancel may still come, and meet the next statement
  if (!said_) return fail(ended("not sent"));
  return {.what = step::kind::over};
}

talk::step talk::fail(error why) {
  on_.in_call = false;
  refused_.emplace(std::move(why));
  return {.what = step::kind::over};
}

wanted talk::advance_results() {
  for (;;) {
    const wanted ready = step_of_query(on_.native);
    if (ready != wanted::nothing) return ready;
    if (take(PQgetResult(on_.native))) return wanted::nothing;
  }
}

bool talk::take(PGresult* next) {
  if (next == nullptr) return true;
  const ExecStatusType status = PQresultStatus(next);
  if (rows it(next); !failed_) last_ = std::move(it);
  if (status == PGRES_FATAL_ERROR) failed_ = true;
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

result<rows, error> talk::answer() {
  if (refused_) return *std::move(refused_);
  if (phase_ != phase::cut) return made();
  auto it = made();
  if (it || it.error().sqlstate() != "57014") return it;  // it was over before
  count_cut(true);
  return error(reason(), ended("cancelled").what(), "57014");
}

/// The last result, or the first that is an error.
result<rows, error> talk::made() {
  if (on_.limit_in_transaction) {
    const bool is_over = PQtransactionStatus(on_.native) == PQTRANS_IDLE;
    if (is_over || says_rollback(last_)) on_.limit_ms = -1;  // a rollback takes it back, also one to a savepoint
    on_.limit_in_transaction = !is_over;
  }
  if (!failed_) return std::move(last_);
  const auto field = [&](int of) {
    const char* const text = PQresultErrorField(last_.native_handle(), of);
    return std::string(text != nullptr ? text : "");
  };
  const std::string state = field(PG_DIAG_SQLSTATE);
  if (state.empty()) return lost();
  std::string text = on_.how.name + ": " + field(PG_DIAG_MESSAGE_PRIMARY);
  if (PQstatus(on_.native) == CONNECTION_BAD) {
    static_cast<void>(lost());
    text += " (the connection was lost)";
  }
  if (const std::string more = field(PG_DIAG_MESSAGE_DETAIL); !more.empty()) text.append(": ").append(more);
  return error(error::reason::server, std::move(text), state);
}

error talk::lost() {
  char buffer[512];
  const char* const why = message_of(on_.native, buffer);
  if (PQstatus(on_.native) != CONNECTION_BAD)  // as libpq says: COPY in progress, a wrong number of values
    return {error::reason::misuse, on_.how.name + ": " + why};
  on_.given_up = true;
  if (!std::exchange(on_.told_lost, true)) {
    on_.group->lost.fetch_add(1, std::memory_order_relaxed);
    on_.group->log.warning(on_.how.name, "a connection was lost",
                           {{"error", why}, {"statement", label().substr(0, 80)}});
  }
  return {error::reason::connection, on_.how.name + ": " + why + " (the connection was lost)"};
}

error::reason talk::reason() const noexcept {
  return with_.cause() == cause::deadline ? error::reason::deadline : error::reason::forced;
}

error talk::ended(const char* what) const {
  std::string text = on_.how.name + ": " + what + ": ";
  if (with_.cause() == cause::deadline) return {reason(), text + "no time is left: its deadline has passed"};
  if (!with_.forced()) return {reason(), text + "by force"};
  return {reason(), text + "its context was forced (" + to_text(with_.cause()) + ")"};
}

void talk::count_cut(bool confirmed) const {
  connection_group& group = *on_.group;
  if (!confirmed) group.unconfirmed.fetch_add(1, std::memory_order_relaxed);
  const bool by_force = reason() == error::reason::forced && with_.cause() != cause::client_gone;
  if (by_force && confirmed && !std::exchange(on_.cut_by_force, true))
    group.rolled_back.fetch_add(1, std::memory_order_relaxed);
  const std::string_view text =
      confirmed ? "cut, and rolled back" : "cut; the server did not say in time what became of it";
  if (by_force || !confirmed) {
    group.log.warning(on_.how.name, text, {{"statement", label().substr(0, 80)}});
  } else {
    group.log.debug(on_.how.name, text, {{"statement", label().substr(0, 80)}});
  }
}

/// So that the server ends a statement whose client has gone. It is told a power of two of milliseconds, not below what
/// is left, so that most statements need not tell it again. True: it is being told.
bool talk::limit() {
  if (end_ != time_point::max() && !outlives_its_context()) {
    const int left = with_.remaining_ms();
    const int now = on_.limit_ms;
    if (now >= left && now / 2 <= left + 32) return false;
    limit_ms_ = static_cast<int>(std::bit_ceil(static_cast<unsigned>(std::max(left, 64))));
  } else if (on_.limit_ms == 0) {
    return false;
  }
  if (before_ != PQTRANS_IDLE && before_ != PQTRANS_INTRANS) return false;
  const std::string sql =
      limit_ms_ > 0 ? "set statement_timeout = " + std::to_string(limit_ms_) : "reset statement_timeout";
  return PQsendQueryParams(on_.native, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
}

bool says_rollback(const rows& answer) noexcept {
  const char* const tag = PQcmdStatus(answer.native_handle());
  return tag != nullptr && std::string_view(tag) == "ROLLBACK";
}

bool rollback::send() { return PQsendQueryParams(native(), "rollback", 0, nullptr, nullptr, nullptr, nullptr, 0) == 1; }

bool statement::outlives_its_context() const noexcept {
  return of_.name == nullptr && ::strncasecmp(of_.sql + std::strspn(of_.sql, " \t\r\n"), "copy", 4) == 0;
}

bool statement::send() {
  const auto& [name, sql, values] = of_;
  const auto& [count, texts, lengths, formats] = values;
  if (name == nullptr) return PQsendQueryParams(native(), sql, count, nullptr, texts, lengths, formats, 0) == 1;
  if (sql == nullptr) return PQsendQueryPrepared(native(), name, count, texts, lengths, formats, 0) == 1;
  return PQsendPrepare(native(), name, sql, 0, nullptr) == 1;
}

}  // namespace lastcall::inline v0::postgres::detail
