#include "lastcall/net/loop/loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <system_error>

namespace lastcall::inline v0::net {

namespace {
// Of one wake, until nothing is ready: going back to Asio costs two more system calls, for two or three connections
// under an ordinary load. "Until empty" alone would delay its timers by hundreds of ms.
constexpr int batch = 64;
constexpr duration batch_time =
    std::chrono::milliseconds(1);  // room for 64 quick requests: in less, wakes would bring fewer
// What has been taken must be told, however long that takes: so as many are taken at once as a turn has lately had room
// for. Then only one that takes long by itself, or the first few that do, keep Asio's timers waiting for longer.
constexpr int least_at_once = 1;
constexpr unsigned due_between_looks = 8;  // timers; the clock is looked at then

/// Asks for the memory of one that is told next while another is at work: between two requests of a connection, those
/// of hundreds of others have pushed it out of the near caches.
void ask_for(const void* at) noexcept {
  for (const std::size_t offset : {0, 64, 128, 192, 239}) __builtin_prefetch(static_cast<const char*>(at) + offset, 1);
}
}  // namespace

struct loop::asio_part {
  explicit asio_part(boost::asio::io_context& io) : readiness(io.get_executor()), timer(io.get_executor()) {}
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> readiness;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer;
  int at_once = batch;  // taken from the inner set by one call
};

loop::loop(boost::asio::io_context& io)
    : io_(io), asio_(std::make_unique<asio_part>(io)), wheel_(steady().now()), now_(steady().now()) {
  after_batch_.reserve(4);
}

loop::~loop() { close(); }

void loop::open() {
  epoll_ = unique_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "loop: epoll_create1");
  asio_->readiness.assign(epoll_.get());
  wait_for_readiness();
}

void loop::close() noexcept {
  boost::system::error_code ignored;
  asio_->timer.cancel(ignored);
  if (asio_->readiness.is_open()) asio_->readiness.release();
  epoll_.reset();
  if (!in_batch_) dead_.clear();  // else at its end: events of theirs may still be waiting there
}

void loop::post(function<void()> f) {
  boost::asio::post(io_.get_executor(), std::move(f));
  posted_.store(true, std::memory_order_release);  // afterwards: who sees it finds `f` in the queue
}

std::error_code loop::watch(int fd, pollable& target, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return {errno, std::generic_category()};
}

void loop::rewatch(int fd, pollable& target, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void loop::forget(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void loop::free_after_batch(std::unique_ptr<pollable> dead) {
  dead_.push_back(std::move(dead));
  // Outside of a batch nothing would sweep up; and whoever buries is still on the stack.
  if (!in_batch_ && dead_.size() == 1) post([this] { dead_.clear(); });
}

void loop::wait_for_readiness() {
  asio_->readiness.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [this](const boost::system::error_code& error) {
                                if (error) return;
                                run_batch();
                                if (epoll_) wait_for_readiness();
                              });
}

void loop::run_batch() noexcept {
  epoll_event events[batch];
  const time_point until = refresh_now() + batch_time;
  int& at_once = asio_->at_once;
  for (int left = batch; left > 0 && now_ < until && epoll_;) {
    looked_ = false;
    const int count = ::epoll_wait(epoll_.get(), events, std::min(left, at_once), 0);
    if (count <= 0) break;
    in_batch_ = true;
    ask_for(events[0].data.ptr);
    for (int i = 0; i < count && epoll_; ++i) {
      if (i + 1 < count) ask_for(events[i + 1].data.ptr);
      static_cast<pollable*>(events[i].data.ptr)->on_ready(events[i].events);
    }
    for (batch_end* each : after_batch_) each->after_batch();
    after_batch_.clear();
    in_batch_ = false;
    dead_.clear();
    left -= count;
    if (!looked_) refresh_now();
    if (now_ > until) at_once = std::max(least_at_once, at_once / 2);
    if (now_ < until && count == at_once && at_once < batch) at_once *= 2;
    if (posted_.load(std::memory_order_acquire)) break;
  }
  posted_.store(false, std::memory_order_release);  // what was posted until here runs before the next wake
}

void loop::schedule(timed& node, time_point when) {
  wheel_.schedule(node, when);
  if (when < armed_for_) arm_timer(when);
}

void loop::arm_timer(time_point when) {
  armed_for_ = when;
  asio_->timer.expires_at(when);
  asio_->timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) run_timers();
  });
}

void loop::run_timers() noexcept {
  const time_point until = refresh_now() + batch_time;
  armed_for_ = time_point::max();
  // Thousands may be due at once, as at the end of a drain: whoever else waits for this thread has its turn in between.
  unsigned fired = 0;
  wheel_.advance_while(now_, [&](timer_node& node) {
    static_cast<timed&>(node).on_due(now_);
    return ++fired % due_between_looks != 0 || refresh_now() < until;
  });
  if (const auto next = wheel_.next_due(); next && *next < armed_for_) arm_timer(*next);
}

}  // namespace lastcall::inline v0::net
