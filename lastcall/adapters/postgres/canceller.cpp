#include "lastcall/adapters/postgres/canceller.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "lastcall/adapters/postgres/rows.hpp"
#include "lastcall/adapters/postgres/wire.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::postgres::detail {

void canceller::request(wish what) noexcept {
  bool taken = false;
  bool begins = false;
  if (exception_of([&] {
        const std::lock_guard held(mutex_);
        if (waiting_.size() >= most_waiting) return;
        waiting_.push_back(std::move(what));
        taken = true;
        begins = !std::exchange(works_, true);
      }) != nullptr ||
      !taken) {
    if (what.done) what.done(false);
    return;
  }
  if (!begins) return;
  const lastcall::detail::no_signals_of_others blocked;
  if (exception_of([&] { lastcall::detail::own_thread([self = shared_from_this()] { self->work(); }).detach(); }) ==
      nullptr)
    return;
  std::vector<wish> all;  // no thread is left
  {
    const std::lock_guard held(mutex_);
    all.swap(waiting_);
    works_ = false;
  }
  for (wish& one : all)
    if (one.done) one.done(false);
}

void canceller::work() noexcept {
  const watched_thread listed(name_, "cancel");
  for (;;) {
    std::vector<wish> all;
    {
      const std::lock_guard held(mutex_);
      if (waiting_.empty()) {
        works_ = false;
        return;
      }
      all.swap(waiting_);
    }
    grant(all);
  }
}

/// One query for all.
void canceller::grant(std::vector<wish>& all) noexcept {
  static_cast<void>(exception_of([&] {
    bool cancels = false;
    time_point by{};
    for (const wish& one : all) {
      by = std::max(by, one.by);
      closed_ = closed_ || one.backend.number == closes;
      cancels = cancels || one.backend.number > 0;
    }
    if (cancels) {
      signal(all, by);
    } else if (!closed_) {
      is_open(by);
    }
    if (closed_) connection_.reset();
  }));
  for (wish& one : all)
    if (one.done) one.done(one.sent);
}

bool canceller::is_open(time_point by) {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return true;
  connection_.reset(PQconnectStart(conninfo_.c_str()));
  if (detail::open(connection_.get(), by) && PQsetnonblocking(connection_.get(), 1) == 0) {
    PQsetNoticeReceiver(connection_.get(), [](void*, const PGresult*) {}, nullptr);  // "is no PostgreSQL backend"
    return true;
  }
  connection_.reset();
  return false;
}

/// Marks those that the server has signalled. The same number on another server is a stranger's.
void canceller::signal(std::vector<wish>& all, time_point by) {
  for (int tries = 0; tries < 2; ++tries) {  // a connection that broke while it was idle is opened anew, once
    if (!is_open(by)) return;
    PGconn* const on = connection_.get();
    const std::string server = server_of(on);
    std::string numbers;
    for (const wish& one : all)
      if (one.backend.number > 0 && one.backend.server == server)
        numbers.append(numbers.empty() ? "{" : ",").append(std::to_string(one.backend.number));
    if (numbers.empty()) return connection_.reset();  // the next may lead to theirs
    numbers += '}';
    const char* const values[]{numbers.c_str()};
    bool any = false;
    wanted next = wanted::failed;
    if (PQsendQueryParams(on, "select b from unnest($1::int[]) b where pg_cancel_backend(b)", 1, nullptr, values,
                          nullptr, nullptr, 0) == 1)
      next = step_of_query(on);
    while (next != wanted::failed) {
      if (next == wanted::nothing) {
        const rows answer(PQgetResult(on));
        if (answer.native_handle() == nullptr) break;
        for (const row told : answer) {
          any = true;
          for (wish& one : all)
            if (one.backend.number == told.get<int>(0) && one.backend.server == server) one.sent = true;
        }
      } else if (!wait(on, next, by)) {
        return connection_.reset();
      } else if (PQconsumeInput(on) != 1) {
        break;
      }
      next = step_of_query(on);
    }
    if (next == wanted::nothing && PQstatus(on) == CONNECTION_OK) return;
    connection_.reset();
    if (any) return;
  }
}

std::string server_of(const PGconn* of) {
  const auto text = [](const char* it) { return std::string(it != nullptr ? it : ""); };
  std::string address = text(PQhostaddr(of));
  if (address.empty()) address = text(PQhost(of));
  return address + " " + text(PQport(of));
}

void cancel_without_bound(std::shared_ptr<PGcancel> handle) noexcept {
  static std::atomic<int> hanging = 0;
  constexpr int most_hanging = 8;
  if (!handle) return;
  if (hanging.fetch_add(1) >= most_hanging) {
    hanging.fetch_sub(1);
    return;
  }
  const lastcall::detail::no_signals_of_others blocked;
  if (exception_of([&] {
        lastcall::detail::own_thread([handle = std::move(handle)] {
          char why[256];
          PQcancel(handle.get(), why, sizeof why);
          hanging.fetch_sub(1);
        }).detach();
      }) != nullptr)
    hanging.fetch_sub(1);
}

}  // namespace lastcall::inline v0::postgres::detail
