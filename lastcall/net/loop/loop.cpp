// How one thread runs: Asio waits for the inner epoll set to become readable, then calls run_batch, which calls
// on_ready for batches of events until the set is empty, or the wake has lasted for batch_time. Timers, posted work and
// coroutines are Asio's, and run between two wakes.
//
// Re-entrancy: on_ready may watch, forget and free any object, also one whose event is still to come in this batch. So
// nothing is freed before the end of the batch (free_after_batch), and a closed connection ignores its event.
#include "lastcall/net/loop/loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "lastcall/net/loop/kept_context.hpp"

namespace lastcall::inline v0::net {

namespace {
// The most events of one wake. Going back to Asio costs two more system calls, and under an ordinary load a wake brings
// two or three connections; so the set is asked until it is empty. Without a bound that would delay Asio's timers by
// hundreds of ms.
constexpr int batch = 64;
// The longest wake: enough for 64 quick requests. With less, wakes would bring fewer.
constexpr duration batch_time = std::chrono::milliseconds(1);
// All events that epoll_wait has returned must be handled, however long that takes. So it is asked for no more than a
// wake has lately had time for (asio_part::at_once). Then only a single slow handler delays Asio's timers.
constexpr int least_at_once = 1;
constexpr unsigned timers_between_clock_reads = 8;

/// Loads the next object of a batch into the cache while another one works. Between two requests of a connection those
/// of hundreds of others have displaced it.
void prefetch(const void* at) noexcept {
  for (const std::size_t offset : {0, 64, 128, 192, 239}) __builtin_prefetch(static_cast<const char*>(at) + offset, 1);
}
}  // namespace

struct loop::asio_part {
  using executor_type = boost::asio::io_context::executor_type;

  explicit asio_part(boost::asio::io_context& io) : readiness(io.get_executor()), timer(io.get_executor()) {}

  /// Gives `start` the completion, which runs on the loop's thread.
  template <class Start, class Done> void wait(Start start, Done done) {
    if (strand) {
      start(boost::asio::bind_executor(*strand, std::move(done)));
    } else {
      start(std::move(done));
    }
  }

  std::optional<boost::asio::strand<executor_type>> strand;  // of a shared loop
  std::shared_ptr<kept_context> kept;                        // of a loop whose io_context is ours
  boost::asio::posix::basic_stream_descriptor<executor_type> readiness;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    executor_type>
      timer;
  int at_once = batch;  // the most events that the next epoll_wait is asked for
};

loop::loop(boost::asio::io_context& io, bool shared)
    : io_(io), asio_(std::make_unique<asio_part>(io)), wheel_(steady().now()), now_(steady().now()) {
  if (shared) asio_->strand.emplace(io.get_executor());
  after_batch_.reserve(4);
}

loop::loop(std::shared_ptr<kept_context> io) : loop(*io) { asio_->kept = std::move(io); }

loop::~loop() { close(); }

void loop::open() {
  epoll_ = unique_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "loop: epoll_create1");
  asio_->readiness.assign(epoll_.get());
  wait_for_readiness();
}

void loop::close() noexcept {
  closed_ = true;
  asio_->timer.cancel();
  if (asio_->readiness.is_open()) asio_->readiness.release();
  epoll_.reset();
  if (!in_batch_) dead_.clear();  // otherwise run_batch does it
}

/// What runs on the loop's thread may be under way on another one; so what is waited for must be completed first.
void loop::when_released(function<void()> f) noexcept {
  released_ = std::move(f);
  wait_ended(0);
}

void loop::wait_ended(unsigned ended) noexcept {
  waits_ -= ended;
  if (waits_ == 0 && released_) std::exchange(released_, nullptr)();
}

boost::asio::any_io_executor loop::executor() const noexcept {
  if (asio_->strand) return *asio_->strand;
  if (asio_->kept) return kept_executor(io_.get_executor(), asio_->kept);
  return io_.get_executor();
}

bool loop::is_here() const noexcept {
  return asio_->strand ? asio_->strand->running_in_this_thread() : io_.get_executor().running_in_this_thread();
}

void loop::post(function<void()> f) {
  if (asio_->strand) {
    boost::asio::post(*asio_->strand, std::move(f));
  } else {
    boost::asio::post(io_.get_executor(), std::move(f));
  }
  // Release, after the post: run_batch, which acquires it, returns to Asio and finds `f` in the queue.
  posted_.store(true, std::memory_order_release);
}

std::error_code loop::watch(int fd, pollable& target, std::uint32_t events) noexcept {
  epoll_event event{.events = events, .data = {.ptr = &target}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return {errno, std::generic_category()};
}

void loop::rewatch(int fd, pollable& target, std::uint32_t events) noexcept {
  epoll_event event{.events = events, .data = {.ptr = &target}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void loop::forget(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void loop::free_after_batch(std::unique_ptr<pollable> dead) {
  dead_.push_back(std::move(dead));
  // Outside of a batch no run_batch comes to free it, and the caller may be a function of it. So it is posted.
  if (!in_batch_ && dead_.size() == 1) post([this] { dead_.clear(); });
}

void loop::wait_for_readiness() {
  ++waits_;
  asio_->wait(
      [this](auto done) {
        asio_->readiness.async_wait(boost::asio::posix::descriptor_base::wait_read, std::move(done));
      },
      [this](const boost::system::error_code& error) {
        if (!error && !closed_) {
          run_batch();
          if (epoll_) wait_for_readiness();
        }
        wait_ended();
      });
}

void loop::run_batch() noexcept {
  epoll_event events[batch];
  const time_point until = refresh_now() + batch_time;
  int& at_once = asio_->at_once;
  for (int left = batch; left > 0 && now_ < until && epoll_;) {
    clock_was_read_ = false;
    const int count = ::epoll_wait(epoll_.get(), events, std::min(left, at_once), 0);
    if (count <= 0) break;
    in_batch_ = true;
    prefetch(events[0].data.ptr);
    for (int i = 0; i < count && epoll_; ++i) {  // on_ready may close the loop
      if (i + 1 < count) prefetch(events[i + 1].data.ptr);
      static_cast<pollable*>(events[i].data.ptr)->on_ready(events[i].events);
    }
    for (batch_end* each : after_batch_) each->after_batch();
    after_batch_.clear();
    in_batch_ = false;
    dead_.clear();
    left -= count;
    if (!clock_was_read_) refresh_now();
    if (now_ > until) at_once = std::max(least_at_once, at_once / 2);
    if (now_ < until && count == at_once && at_once < batch) at_once *= 2;
    if (posted_.load(std::memory_order_acquire)) break;
  }
  // What was posted until here is in Asio's queue before the next wake, and so runs before it.
  posted_.store(false, std::memory_order_release);
}

void loop::schedule(timed& node, time_point when) {
  wheel_.schedule(node, when);
  if (when < armed_for_) arm_timer(when);
}

void loop::arm_timer(time_point when) {
  if (closed_) return;
  armed_for_ = when;
  asio_->timer.expires_at(when);
  ++waits_;
  asio_->wait([this](auto done) { asio_->timer.async_wait(std::move(done)); },
              [this](const boost::system::error_code& error) {
                if (!error && !closed_) run_timers();
                wait_ended();
              });
}

void loop::run_timers() noexcept {
  const time_point until = refresh_now() + batch_time;
  // What has come while the process did not run counts before what was due then.
  if (const auto wait_on = late_.further_wait(armed_for_, now_)) return arm_timer(*wait_on);
  armed_for_ = time_point::max();
  // Thousands may be due at once, as at the end of a drain: after batch_time connections and posted work come first.
  unsigned fired = 0;
  wheel_.advance_while(now_, [&](timer_node& node) {
    static_cast<timed&>(node).on_due(now_);
    return ++fired % timers_between_clock_reads != 0 || refresh_now() < until;
  });
  if (const auto next = wheel_.next_due(); next && *next < armed_for_) arm_timer(*next);
}

}  // namespace lastcall::inline v0::net
