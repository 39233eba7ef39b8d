#include "lastcall/adapters/postgres/async_connection.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

#include "lastcall/adapters/postgres/copy_talk.hpp"
#include "lastcall/adapters/postgres/listener_talk.hpp"
#include "lastcall/adapters/postgres/pipeline_talk.hpp"

namespace lastcall::inline v0::postgres {

namespace asio = boost::asio;
using detail::connection_access;
using detail::connection_state;
using detail::statement;
using detail::talk;
using detail::wanted;

namespace {

/// What the canceller has done. Shared: it may answer after the wait, when the executor is gone.
class awaited_cancel : public std::enable_shared_from_this<awaited_cancel> {
 public:
  explicit awaited_cancel(asio::steady_timer& of) : timer_(&of) {}

  /// Ends the wait.   Threads: any.
  void answer(bool sent) {
    const std::lock_guard held(mutex_);
    sent_ = sent;
    if (timer_ != nullptr) asio::post(timer_->get_executor(), [self = shared_from_this()] { self->wake(); });
  }
  /// Nobody waits any more: the timer and its executor are not used again.
  void leave() noexcept {
    const std::lock_guard held(mutex_);
    timer_ = nullptr;
  }
  bool sent() const {
    const std::lock_guard held(mutex_);
    return sent_;
  }

 private:
  void wake() {
    const std::lock_guard held(mutex_);
    if (timer_ != nullptr) timer_->cancel();
  }

  mutable std::mutex mutex_;
  asio::steady_timer* timer_;  // in the coroutine; null: it does not wait
  bool sent_ = false;
};

}  // namespace

/// The socket and a timer in the coroutine's executor. Shared: what is posted may run after the wait.
class async_connection::waits : public std::enable_shared_from_this<waits> {
 public:
  using wait_type = asio::posix::stream_descriptor::wait_type;

  explicit waits(const asio::any_io_executor& on) : socket_(on), timer_(on) {}
  /// Waits on a copy of the descriptor: libpq closes its own on a loss, and the next socket may get that number.
  /// `force` ends the wait, too, from here on.   Errors: `unavailable`.
  void watch(const connection_state& of) {
    const int copy = ::fcntl(PQsocket(of.native), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) raise_as(error(error::reason::connection, of.how.name + ": no descriptor is left"));
    boost::system::error_code failed;
    if (socket_.assign(copy, failed); failed) {
      ::close(copy);
      raise_as(error(error::reason::connection, of.how.name + ": its socket can't be watched: " + failed.message()));
    }
    forced_.emplace(of.life.forced_token(), function<void()>([this] { wake(); }));
  }

  template <class Token> auto until_readable(Token&& token) {
    return socket_.async_wait(wait_type::wait_read, std::forward<Token>(token));
  }
  /// `ends` ends waits from here on, instead of what did. As connection_state::wake_at.
  void wake_at(stop_token ends) {
    if (ends == watched_) return;
    caller_.reset();
    watched_ = std::move(ends);
    caller_.emplace(watched_, function<void()>([this] { wake(); }));
  }
  /// Ends the wait.   Threads: any.
  void wake() noexcept {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->cancel(); });
  }
  void leave() noexcept {
    forced_.reset();
    caller_.reset();
    cancel();
    // Not socket_.close(): it leaves the removal to the kernel, which keeps the entry while libpq's number is open.
    if (socket_.is_open()) ::close(socket_.release());
  }

 private:
  /// Readable or writable: libpq sends only while it also takes what comes.
  template <class Token> auto either(Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [self = shared_from_this()](auto handler) {
          const auto once = std::make_shared<std::optional<decltype(handler)>>(std::move(handler));
          const auto first = [self, once](boost::system::error_code ended) {
            if (!*once) return;
            auto call = *std::exchange(*once, std::nullopt);
            self->cancel_socket();
            std::move(call)(ended);
          };
          self->socket_.async_wait(wait_type::wait_read, first);
          self->socket_.async_wait(wait_type::wait_write, first);
        },
        token);
  }

 public:
  task<> until_ready(wanted what) {
    if (what == wanted::read) {
      co_await until_readable(asio::as_tuple(asio::deferred));
    } else {
      co_await either(asio::as_tuple(asio::deferred));
    }
  }
  /// False: `by` has passed.
  task<bool> until_ready(wanted what, time_point by) {
    timer_.expires_at(by);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code ended) {
      if (!ended) self->cancel_socket();
    });
    co_await until_ready(what);
    timer_.cancel();
    co_return steady().now() < by;
  }
  task<bool> cancel_on_the_server(const connection_state& of, time_point by) {
    asio::steady_timer timer(socket_.get_executor(), by);
    const auto it = std::make_shared<awaited_cancel>(timer);
    const auto leaves = [](awaited_cancel* of_it) { of_it->leave(); };
    const std::unique_ptr<awaited_cancel, decltype(leaves)> left_at_the_end(it.get(), leaves);
    of.group->cancels->cancel(of.backend, by, [it](bool sent) { it->answer(sent); });
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    co_return it->sent();
  }

 private:
  void cancel() {
    cancel_socket();
    timer_.cancel();
  }
  /// Also after `leave`.
  void cancel_socket() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }

  asio::posix::stream_descriptor socket_;
  asio::steady_timer timer_;
  stop_token watched_;
  std::optional<stop_callback<function<void()>>> caller_;  // at the end of its context
  std::optional<stop_callback<function<void()>>> forced_;
};

async_connection::async_connection(connection& on) noexcept : on_(on) {}

async_connection::~async_connection() {
  if (waits_) waits_->leave();
}

/// Before the first call, so that nothing is sent where no descriptor is left.
task<> async_connection::watch() {
  connection_state& on = connection_access::state_of(on_);
  if (PQsocket(on.native) < 0) co_return;  // it is lost, and no talk waits
  const auto made = std::make_shared<waits>(co_await asio::this_coro::executor);
  made->watch(on);
  waits_ = made;
}

talk::step async_connection::begin(talk& what) {
  if (waits_) waits_->wake_at(what.ends_with());
  return what.begin();
}

task<> async_connection::drive(talk& what) {
  if (!waits_) co_await watch();
  co_await drive(what, begin(what));
}

task<> async_connection::drive(talk& what, talk::step next) {
  while (next.what != talk::step::kind::over) {
    if (next.what == talk::step::kind::cancel) {
      next = what.cancel_asked(co_await waits_->cancel_on_the_server(connection_access::state_of(on_), next.by));
    } else if (what.has_bound_of_its_own()) {
      next = what.go_on(co_await waits_->until_ready(next.ready, next.by));
    } else {
      co_await waits_->until_ready(next.ready);
      next = what.go_on(true);  // the end of the context ends the wait; the talk asks for it
    }
  }
}

task<result<rows, error>> async_connection::run(context with, const char* name, const char* sql,
                                                std::unique_ptr<const detail::any_parameters> values) {
  if (!waits_) co_await watch();
  statement what(connection_access::state_of(on_), with, {.name = name, .sql = sql, .values = values->lists()});
  talk::step next = begin(what);
  // What most statements need: the answer comes, and is read. As in `drive`, without its frame.
  while (next.what == talk::step::kind::wait && next.ready == wanted::read && !what.has_bound_of_its_own()) {
    co_await waits_->until_readable(asio::as_tuple(asio::deferred));
    next = what.go_on(true);
  }
  if (next.what != talk::step::kind::over) co_await drive(what, next);
  co_return what.answer();
}

task<result<rows, error>> async_connection::prepare(context with, std::string name, std::string sql) {
  connection_state& on = connection_access::state_of(on_);
  detail::whole(name, "the name of a prepared statement");
  detail::whole(sql, "a statement");
  if (on.prepared.contains(name)) co_return rows(nullptr);
  auto done = co_await run(with, name.c_str(), sql.c_str(), std::make_unique<detail::parameters<0>>());
  if (done) on.prepared.insert(std::move(name));
  co_return done;
}

task<result<transaction, error>> async_connection::begin(context with, isolation level) {
  auto begun = co_await query(with, transaction::statement_for(level));
  if (!begun) co_return begun.error();
  co_return transaction(on_, false);
}

task<result<rows, error>> async_connection::commit(transaction& of, context with) {
  co_return of.committed(co_await query(with, "commit"));
}

task<> async_connection::roll_back(transaction& of) {
  const context background;
  detail::rollback what(connection_access::state_of(on_), background);
  co_await drive(what);
  static_cast<void>(what.answer());
  if (!on_.is_idle()) on_.give_up();
  of.on_ = nullptr;
}

task<result<std::vector<rows>, error>> async_connection::run(pipeline& all, context with) {
  detail::pipeline_talk what(with, all);
  co_await drive(what);
  co_return what.answers();
}

task<result<copy_in, error>> async_connection::begin_copy_in(context with, std::string sql) {
  co_return copy_in::begun(on_, co_await query(with, detail::whole(sql, "a statement").c_str()));
}

task<bool> async_connection::write(copy_in& to, context with, std::string_view bytes) {
  for (copy_in::piece next(to, bytes); next;) {
    detail::copy_write what(connection_access::state_of(on_), with, next.bytes(), next.is_due());
    co_await drive(what);
    if (!next.written(what.answer())) co_return false;
  }
  co_return to.is_open();
}

task<result<std::uint64_t, error>> async_connection::finish(copy_in& of, context with) {
  if (!of.is_open()) co_return of.why_not();
  detail::copy_end what(connection_access::state_of(on_), with);
  co_await drive(what);
  co_return of.finished(what.answer());
}

task<result<copy_out, error>> async_connection::begin_copy_out(context with, std::string sql) {
  co_return copy_out::begun(on_, co_await query(with, detail::whole(sql, "a statement").c_str()));
}

task<result<std::optional<std::string>, error>> async_connection::read(copy_out& from, context with) {
  if (from.it_.held() == nullptr) co_return std::optional<std::string>();
  detail::copy_read what(connection_access::state_of(on_), with);
  co_await drive(what);
  auto answer = what.answer();
  co_return from.came(what.row(), std::move(answer));
}

task<result<listener, error>> async_connection::listen(context with, std::string channel) {
  co_return listener::begun(on_, co_await query(with, listener::statement_for(on_, channel).c_str()));
}

task<result<std::optional<notification>, error>> async_connection::next(listener& of, context with) {
  detail::listener_talk what(connection_access::state_of(on_), with);
  co_await drive(what);
  auto answer = what.answer();
  static_cast<void>(of);
  co_return listener::came(with, what.heard(), std::move(answer));
}

}  // namespace lastcall::inline v0::postgres
