#include "lastcall/net/connection/session.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "lastcall/core/countdown.hpp"
#include "lastcall/net/loop/thread_pool.hpp"

namespace lastcall::inline v0::net {

namespace {

constexpr int reads_per_wake = 8;  // then the others of the loop have their turn
constexpr std::size_t kept_bytes = 4096;

/// Suspends the coroutine until the waiter is called.
auto parked(function<void()>& waiter) {
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void()>(
      [&waiter](auto handler) { waiter = std::move(handler); }, boost::asio::deferred);
}

/// Of a buffer whose front was used: keeps no room for what is no longer there.
void drop_front(std::string& buffer, std::size_t& from) noexcept {
  if (from < buffer.size()) {
    if (from >= kept_bytes && from >= buffer.size() / 2) buffer.erase(0, std::exchange(from, 0));
    return;
  }
  from = 0;
  buffer.clear();
  if (buffer.capacity() > kept_bytes) buffer.shrink_to_fit();
}

}  // namespace

/// A thread waits while its step is tried on the loop. However that ends, also by being dropped unrun, it is told.
class session_link::blocked_step {
 public:
  blocked_step(std::shared_ptr<session_link> of, const function<bool()>& step, handler_side side,
               std::shared_ptr<countdown> over)
      : of_(std::move(of)), step_(&step), side_(side), over_(std::move(over)) {}
  blocked_step(blocked_step&&) noexcept = default;
  blocked_step& operator=(blocked_step&&) = delete;
  ~blocked_step() {
    if (over_) over_->count_down();
  }

  void operator()() {
    session_link& link = *of_;
    if ((*step_)()) return link.end_wait(side_);
    link.begin_wait(side_);
    link.waiter(side_) = std::move(*this);
  }

 private:
  std::shared_ptr<session_link> of_;
  const function<bool()>* step_;  // the waiting thread's
  handler_side side_;
  std::shared_ptr<countdown> over_;
};

task<> session_link::until(function<bool()> step, handler_side side) {
  const auto self = shared_from_this();
  while (!step()) {
    self->begin_wait(side);
    co_await parked(self->waiter(side));
  }
  self->end_wait(side);
}

bool session_link::until_blocking(const function<bool()>& step, handler_side side) {
  const auto over = std::make_shared<countdown>(1);
  {
    const std::lock_guard lock(mutex_);
    if (!host_) return false;
    loop_.post(blocked_step(shared_from_this(), step, side, over));
  }
  while (!over->wait_until(steady().now() + std::chrono::hours(1))) {  // the session's own bounds end it
  }
  return true;
}

void session_link::post(function<void(session&)> f) {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  loop_.post([self = shared_from_this(), f = std::move(f)] {
    if (self->host_) f(*self->host_);
  });
}

bool session_link::is_here() noexcept {
  const std::lock_guard lock(mutex_);
  return host_ && loop_.io().get_executor().running_in_this_thread();
}

bool session_link::post_to_loop(function<void()> f) {
  const std::lock_guard lock(mutex_);  // while the host is there, so is its loop
  if (!host_) return false;
  loop_.post(std::move(f));
  return true;
}

void session_link::begin_wait(handler_side of) noexcept {
  waits_[static_cast<std::size_t>(of)] = true;
  if (host_) host_->handler_begins_to_wait();
}

void session_link::wake() noexcept {
  for (function<void()>& each : waiters_)
    if (each) loop_.post(std::exchange(each, nullptr));
}

void session_link::let_go(cause why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    host_ = nullptr;
  }
  end_.force(why);
  wake();
}

session::session(owning_set& set, unique_fd socket, const endpoint& from, connection_kind kind,
                 const session_limits& limits)
    : connection(set, std::move(socket), from, kind),
      limits_(limits),
      link_(std::make_shared<session_link>(*this, set.loop(), from)),
      begun_(loop_now()),
      last_byte_(begun_),
      progress_(begun_) {}

session::session(connection& before, connection_kind kind, const session_limits& limits, std::string received)
    : connection(before, kind),
      limits_(limits),
      link_(std::make_shared<session_link>(*this, set().loop(), remote())),
      input_(std::move(received)),
      begun_(loop_now()),
      last_byte_(begun_),
      progress_(begun_) {}

session::~session() { link_->let_go(cause::forced); }

void session::on_readable() noexcept {
  readable_ = true;
  read_more();
}

void session::read_more() noexcept {
  for (int i = 0; readable_ && !input_over_; ++i) {
    if (state() == connection_state::closed || state() == connection_state::lingering) return;
    if (input().size() >= limits_.input_bytes) return;  // what waits stays in the kernel
    if (i == reads_per_wake) return rearm();
    char piece[16 * 1024];
    const io_result read = receive(piece, sizeof piece);
    if (read.would_block) {
      readable_ = false;
      return settle();
    }
    if (read.end == io_end::orderly || read.end == io_end::truncated) {  // what came is the handler's first
      input_over_ = true;
    } else if (read.end != io_end::open) {
      return end_by(read.end);
    }
    last_byte_ = loop_now();
    try {
      input_.append(piece, read.bytes);
    } catch (const std::exception&) {  // out of memory
      return end(connection_end::forced);
    }
    on_input();
  }
}

void session::consume(std::size_t bytes) noexcept {
  input_from_ += bytes;
  drop_front(input_, input_from_);
}

void session::send(std::string_view bytes) noexcept {
  if (state() == connection_state::closed || state() == connection_state::lingering) return;
  if (unsent_.empty()) {
    const io_result sent = transmit(bytes.data(), bytes.size());
    if (sent.end != io_end::open) return end_by(sent.end);
    bytes.remove_prefix(sent.bytes);
    last_byte_ = progress_ = loop_now();
    if (bytes.empty()) return;
    unacknowledged_ = unacknowledged();
  }
  try {
    unsent_ += bytes;
  } catch (const std::exception&) {  // out of memory
    return end(connection_end::forced);
  }
  settle();
}

void session::on_writable() noexcept {
  if (unsent_.empty()) return;
  const io_result sent = transmit(unsent_.data() + unsent_from_, waiting());
  if (sent.end != io_end::open) return end_by(sent.end);
  if (sent.bytes == 0) return;
  unsent_from_ += sent.bytes;
  drop_front(unsent_, unsent_from_);
  note_progress();
  if (!unsent_.empty() || goodbye_by_ != time_point::max()) unacknowledged_ = unacknowledged();
  if (room()) wake_handler();
  if (unsent_.empty()) return all_sent();
  settle();
}

void session::all_sent() noexcept {
  if (leaving_) return farewell(leave_as_);
  on_sent();
  if (state() == connection_state::upgraded) settle();
}

void session::leave_when_sent(connection_end as) noexcept {
  if (std::exchange(leaving_, true)) return;
  leave_as_ = as;
  if (unsent_.empty()) return all_sent();
  if (told_) return expect_remote_by(loop_now() + limits_.goodbye_time);
  settle();
}

void session::settle() noexcept {
  time_point by = time_point::max();
  if (!told_) by = idle_at();
  if (!unsent_.empty()) by = std::min(by, progress_ + limits_.write_time);
  if (!remote_time_over_) by = std::min(by, goodbye_by_);
  enter(connection_state::upgraded, by);
}

time_point session::idle_at() const noexcept {
  return limits_.idle_time > duration::zero() ? last_byte_ + limits_.idle_time : time_point::max();
}

void session::expect_remote_by(time_point by) noexcept {
  look_for_progress();
  goodbye_by_ = by;
  remote_time_over_ = false;
  settle();
}

void session::say_goodbye() noexcept { on_told(); }

void session::on_told() noexcept {
  if (told_) return;
  readable_ = true;  // what had come before is delivered, and may not have been looked at yet
  read_more();
  if (state() != connection_state::upgraded) return;
  told_ = true;
  look_for_progress();
  goodbye_by_ = loop_now() + limits_.goodbye_time;
  link_->end_.begin_drain(goodbye_by_);
  on_goodbye();
  if (state() != connection_state::upgraded) return;
  wake_handler();
  settle();
}

/// The kernel says that it takes more only when a third of its buffer is free, which can be a megabyte: meanwhile a
/// slow remote may have read all the time.
void session::look_for_progress() noexcept {
  const std::size_t left = unacknowledged();
  const bool fewer = left < std::exchange(unacknowledged_, left);
  if (fewer && (left > 0 || !unsent_.empty())) note_progress();
}

/// The remote has taken something: its time begins anew.
void session::note_progress() noexcept {
  last_byte_ = progress_ = loop_now();
  if (goodbye_by_ != time_point::max()) goodbye_by_ = std::max(goodbye_by_, progress_ + limits_.goodbye_time);
}

void session::on_timeout() noexcept {
  const time_point now = loop_now();
  look_for_progress();
  if (!unsent_.empty() && now >= progress_ + limits_.write_time) return end(connection_end::timed_out);
  if (now >= goodbye_by_ && !remote_time_over_) {
    if (outlasts_remote() && !handler_waits()) {
      goodbye_by_ = time_point::max();  // nobody waits for the remote yet
      return settle();
    }
    remote_time_over_ = true;
    if (!outlasts_remote()) return end(connection_end::timed_out);  // only the remote is waited for
    wake_handler();
    return settle();
  }
  if (now < idle_at()) return settle();  // something came or went since this was armed
  on_idle();
}

/// After work of its own that outlasted the time of the remote, which begins only now.
void session::handler_begins_to_wait() noexcept {
  if (!told_ || goodbye_by_ != time_point::max() || state() != connection_state::upgraded) return;
  expect_remote_by(set().loop().refresh_now() + limits_.goodbye_time);
}

void session::on_idle() noexcept {
  if (handler_waits()) return end(connection_end::timed_out);
  last_byte_ = loop_now();  // it is the handler that takes its time
  settle();
}

void session::run(task<> handler) {
  handler_runs_ = true;
  boost::asio::co_spawn(set().loop().io().get_executor(), std::move(handler),
                        [link = link_](std::exception_ptr error) noexcept {
                          if (link->host()) link->host()->handler_over(std::move(error));
                        });
}

bool session::run_on(thread_pool& pool, function<void()> handler) {
  handler_runs_ = true;
  if (pool.submit([link = link_, h = std::move(handler)] {
        std::exception_ptr error;
        try {
          h();
        } catch (...) {
          error = std::current_exception();
        }
        link->post([error](session& host) { host.handler_over(error); });
      }))
    return true;
  return handler_runs_ = false;
}

void session::handler_over(std::exception_ptr error) noexcept {
  handler_runs_ = false;
  set().loop().refresh_now();
  on_handler_over(std::move(error));
}

void session::on_end(connection_end how) noexcept {
  link_->let_go(how == connection_end::forced ? cause::forced : cause::client_gone);
}

}  // namespace lastcall::inline v0::net
