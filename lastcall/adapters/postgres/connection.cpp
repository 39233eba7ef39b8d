#include "lastcall/adapters/postgres/connection.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "lastcall/adapters/postgres/connection_state.hpp"
#include "lastcall/adapters/postgres/talk.hpp"
#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::postgres {

using detail::connection_group;
using detail::connection_state;
using detail::statement;
using detail::talk;

connection::connection(std::unique_ptr<connection_state> of) noexcept : state_(std::move(of)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

PGconn* connection::native_handle() const noexcept { return state_->native; }
int connection::backend() const noexcept { return state_->backend.number; }

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
  check(how);
  return open(with, how, std::make_shared<connection_group>(how, std::move(log)));
}

result<connection, error> connection::open(const context& with, const options& how,
                                           std::shared_ptr<connection_group> of) {
  auto made = std::make_unique<connection_state>(how, std::move(of));
  if (made->wake < 0) return error(error::reason::connection, how.name + ": no descriptor is left");
  const time_point end = std::min(with.end(), lastcall::detail::later(steady().now(), how.connect_within));
  {
    const stop_callback told(with.forced_token(), [fd = made->wake] { eventfd_write(fd, 1); });
    made->native = PQconnectStart(how.conninfo.c_str());
    if (!detail::open(made->native, end, made->wake)) {
      char buffer[512];
      const char* const why = made->native != nullptr ? detail::message_of(made->native, buffer) : "no memory";
      if (with.forced())
        return error(with.cause() == cause::deadline ? error::reason::deadline : error::reason::forced,
                     how.name + ": not connected: its context has ended (" + to_text(with.cause()) + ")");
      if (steady().now() >= end)
        return error(error::reason::connection, how.name + ": no connection within " + to_text(how.connect_within) +
                                                    (*why != '\0' ? std::string(": ") + why : std::string()));
      return error(error::reason::connection, how.name + ": " + why);
    }
  }
  made->opened();
  return connection(std::move(made));
}

result<rows, error> connection::run_query(const context& with, const char* sql, detail::parameter_lists values) {
  statement what(*state_, with, {.sql = sql, .values = values});
  drive(what);
  return what.answer();
}
result<rows, error> connection::run_prepared(const context& with, const char* name, detail::parameter_lists values) {
  statement what(*state_, with, {.name = name, .values = values});
  drive(what);
  return what.answer();
}
result<rows, error> connection::prepare(const context& with, const std::string& name, const char* sql) {
  detail::whole(name, "the name of a prepared statement");
  if (state_->prepared.contains(name)) return rows(nullptr);
  statement what(*state_, with, {.name = name.c_str(), .sql = sql});
  drive(what);
  auto done = what.answer();
  if (done) state_->prepared.insert(name);
  return done;
}

namespace {

/// What the canceller has done, for a thread that waits for it no longer than until `by`.
struct cancel_answer {
  std::mutex mutex;
  std::condition_variable come;
  bool is_here = false;
  bool sent = false;

  static bool wait(connection_state& on, time_point by) {
    const auto it = std::make_shared<cancel_answer>();
    on.group->cancels->cancel(on.backend, by, [it](bool sent) {
      const std::lock_guard held(it->mutex);
      it->is_here = true;
      it->sent = sent;
      it->come.notify_one();
    });
    std::unique_lock held(it->mutex);
    it->come.wait_until(held, by, [&] { return it->is_here; });
    return it->sent;
  }
};

}  // namespace

void connection::drive(talk& what) {
  connection_state& on = *state_;
  on.wake_at(what.ends_with());
  talk::step next = what.begin();
  while (next.what != talk::step::kind::over) {
    if (next.what == talk::step::kind::cancel) {
      next = what.cancel_asked(cancel_answer::wait(on, next.by));
    } else {
      next = what.go_on(detail::wait(on.native, next.ready, next.by, what.is_cut() ? -1 : on.wake));
    }
  }
}

void detail::connection_access::roll_back(connection& of) {
  const context background;
  detail::rollback what(*of.state_, background);
  of.drive(what);
  static_cast<void>(what.answer());
}

// What comes on an idle connection is a notification, a notice, the server's farewell or its end.
bool connection::is_broken() const noexcept {
  for (int messages = 0; messages < 8; ++messages) {
    if (state_->given_up || PQstatus(state_->native) != CONNECTION_OK) return true;
    pollfd watched{.fd = PQsocket(state_->native), .events = POLLIN, .revents = 0};
    if (poll(&watched, 1, 0) <= 0) return false;
    if (PQconsumeInput(state_->native) != 1) return true;
    PQisBusy(state_->native);  // reads the messages
  }
  return false;
}

bool connection::is_idle() const noexcept {
  return !state_->given_up && PQstatus(state_->native) == CONNECTION_OK &&
         PQtransactionStatus(state_->native) == PQTRANS_IDLE;
}

void connection::give_up() noexcept { state_->given_up = true; }
void connection::force() noexcept { state_->ends.force(); }

}  // namespace lastcall::inline v0::postgres
