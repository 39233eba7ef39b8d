// What is said to the server in one call, and what is made of its answer. Waits for nothing: it says what to wait for.
// connection waits on its thread, async_connection as a coroutine.
#pragma once

#include <libpq-fe.h>

#include <optional>
#include <string_view>

#include "lastcall/adapters/postgres/connection_state.hpp"
#include "lastcall/adapters/postgres/parameters.hpp"
#include "lastcall/adapters/postgres/rows.hpp"
#include "lastcall/adapters/postgres/wire.hpp"

namespace lastcall::inline v0::postgres::detail {

/// The server rolled back, whatever it was told: so it answers a COMMIT when a statement of the transaction has failed.
bool says_rollback(const rows& answer) noexcept;

struct talk_step {
  enum class kind : unsigned char {
    over,
    wait,    ///< until the socket is ready, `by` has passed, or the context has ended; then `go_on`
    cancel,  ///< ask the canceller to cancel by `by`, which leaves PQcancel time after it; then `cancel_asked`
  };
  kind what;
  wanted ready = wanted::read;
  time_point by{};
};

/// One call. After `begin`, whoever drives it does what the last step says, until that is `over`. A talk that is
/// destroyed before gives its connection up.
/// Threads: one at a time.
class talk {
 public:
  using step = talk_step;

  talk(connection_state& on, const context& with) noexcept : on_(on), with_(with) {}
  virtual ~talk();
  talk& operator=(talk&&) = delete;

  step begin();
  /// `in_time` is false when `by` has passed.
  step go_on(bool in_time);
  step cancel_asked(bool sent);
  /// The context need not be watched any more: it has ended.
  bool is_cut() const noexcept { return phase_ == phase::cut; }
  /// `by` is not a moment at which the context ends.
  virtual bool has_bound_of_its_own() const noexcept { return is_cut(); }
  virtual stop_token ends_with() const noexcept { return with_.forced_token(); }

  /// Once it is over.
  result<rows, error> answer();

 protected:
  /// Puts something into libpq's buffer.
  virtual bool send() = 0;
  /// Goes on as far as libpq can without waiting. `nothing`: it is over.
  virtual wanted advance() { return advance_results(); }
  /// Its context has ended.
  virtual step cut();
  /// For the log: no values.
  virtual std::string_view label() const noexcept = 0;
  /// What the server has said before answers it, although its context has ended.
  virtual bool is_answered() { return false; }
  virtual bool is_limited() const noexcept { return true; }
  /// Its context bounds the call but not what the server does.
  virtual bool outlives_its_context() const noexcept { return false; }
  virtual time_point end() const noexcept { return with_.end(); }
  virtual bool has_ended() const noexcept { return with_.forced() || on_.life.forced(); }
  /// Keeps the last result, or the first that is an error. `nothing`: the server has said all, or it copies.
  wanted advance_results();
  /// Takes it over.
  bool take(PGresult* next);

  step cancel_within_bounds();
  step ask_to_cancel();
  step unconfirmed();
  /// It is over; nothing of it is under way.
  step stop_here();
  /// The connection is not to be used again; nothing is cancelled.
  step give_up();
  connection_state& state() const noexcept { return on_; }
  PGconn* native() const noexcept { return on_.native; }
  bool has_failed() const noexcept { return failed_; }

 private:
  enum class phase : unsigned char { limiting, running, cut, over };

  step say();
  step next();
  step over();
  step fail(error why);
  error lost();
  error ended(const char* what) const;
  error::reason reason() const noexcept;
  result<rows, error> made();
  bool limit();
  void count_cut(bool confirmed) const;

  connection_state& on_;
  const context& with_;
  phase phase_ = phase::running;
  rows last_{nullptr};
  bool failed_ = false;
  bool said_ = false;  // not only its limit
  bool sent_ = false;  // the cancel
  int limit_ms_ = 0;
  PGTransactionStatusType before_ = PQTRANS_UNKNOWN;
  time_point end_ = time_point::max();  // of its context, as it began
  time_point by_{};                     // of its cancel
  time_point again_{};                  // when it is cancelled again: a backend that has not begun ignores it
  std::optional<error> refused_;
};

/// One statement.
class statement final : public talk {
 public:
  struct text {
    const char* name = nullptr;  // of what is prepared, or is to be prepared if there is SQL, too
    const char* sql = nullptr;
    parameter_lists values{};
  };
  statement(connection_state& on, const context& with, const text& of) noexcept : talk(on, with), of_(of) {}

 private:
  bool send() override;
  std::string_view label() const noexcept override { return of_.sql != nullptr ? of_.sql : of_.name; }
  /// COPY: each write and read has a context of its own.
  bool outlives_its_context() const noexcept override;

  const text of_;
};

/// Bounded by `cancel_within` instead of a context: the context of a transaction may have ended. What it can't end in
/// time the server rolls back when the connection is closed.
class rollback final : public talk {
 public:
  rollback(connection_state& on, const context& background) noexcept : talk(on, background) {}

 private:
  bool send() override;
  std::string_view label() const noexcept override { return "rollback"; }
  bool is_limited() const noexcept override { return false; }
  bool has_ended() const noexcept override { return state().life.forced(); }
  bool has_bound_of_its_own() const noexcept override { return true; }
  time_point end() const noexcept override { return bound_; }
  step cut() override { return give_up(); }

  const time_point bound_ = lastcall::detail::later(steady().now(), state().cancel_within());
};

}  // namespace lastcall::inline v0::postgres::detail
