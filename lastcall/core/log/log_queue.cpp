#include "lastcall/core/log/log_queue.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "lastcall/core/log/log_line.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr duration last_chance = std::chrono::milliseconds(100);
constexpr int look_again_ms = 1000;  // whether the queue is still there

// What a flood of others (an access log) must not push out: the way down, and what went wrong.
bool matters(const log_record& record) noexcept {
  return record.level >= log_level::warning || record.component == "app";
}

}  // namespace

// Shared with the thread, which stays behind when nobody reads.
struct log_queue::state {
  state(int to, log_format looks, std::size_t most)
      : owned(to > STDERR_FILENO), descriptor(owned ? copy_of(to) : to), format(looks), most_bytes(most) {}
  ~state() {
    if (owned) close(descriptor);
  }

  static int copy_of(int descriptor) {
    const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) throw std::system_error(errno, std::generic_category(), "log: cannot copy the descriptor");
    return copy;
  }

  const bool owned;
  const int descriptor;
  const log_format format;
  const std::size_t most_bytes;
  std::mutex mutex;
  std::condition_variable filled;
  std::condition_variable emptied;
  std::string waiting;
  std::uint64_t dropped = 0;
  std::uint64_t untold = 0;  // of those dropped
  bool running = false;
  bool writing = false;
  bool stuck = false;
  bool over = false;

  std::string_view line_of(std::span<char> into, const log_record& record) const noexcept {
    const auto now = std::chrono::system_clock::now();
    return format == log_format::json ? format_log_json(into, now, record) : format_log_line(into, now, record);
  }

  /// An eighth of the room is for what matters.
  bool append(std::string_view line, bool it_matters) {
    const std::size_t room = it_matters ? most_bytes : most_bytes - most_bytes / 8;
    if (waiting.size() + line.size() > room) return false;
    waiting += line;
    return true;
  }

  void tell_dropped() {
    const std::string count = std::to_string(untold);
    const log_field lines{"lines", count};
    const log_record record{log_level::warning, "log", "lines were dropped, since nobody read them", {&lines, 1}};
    std::array<char, log_line_bytes> buffer;
    if (append(line_of(buffer, record), true)) untold = 0;
  }

  // Detached from the start: after a fork there is nothing to join, and a reader that never comes can't be waited for.
  static void start(const std::shared_ptr<state>& shared) {
    if (shared->running) return;
    detail::own_thread([shared] { shared->run(); }).detach();
    shared->running = true;
  }

  void run() {
    const sigset_t others = detail::signals_of_others();  // also SIGPIPE, when a reader has gone: it stays pending
    pthread_sigmask(SIG_BLOCK, &others, nullptr);
    pthread_setname_np(pthread_self(), "lastcall-log");
    std::string batch;
    std::unique_lock lock(mutex);
    for (;;) {
      filled.wait(lock, [this] { return over || !waiting.empty(); });
      if (over) return;
      batch.clear();
      std::swap(batch, waiting);
      writing = true;
      lock.unlock();
      const std::uint64_t lost = put(batch);
      lock.lock();
      dropped += lost;
      untold += lost;
      writing = false;
      emptied.notify_all();
    }
  }

  // Returns how many lines are lost. Whole lines, as many as a pipe takes in one piece.
  std::uint64_t put(std::string_view text) {
    while (!text.empty()) {
      const auto end = text.substr(0, log_line_bytes).rfind('\n');
      const std::string_view piece = text.substr(0, end + 1);
      if (!put_piece(piece)) return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
      text.remove_prefix(piece.size());
    }
    return 0;
  }

  bool put_piece(std::string_view piece) {
    while (!piece.empty()) {
      if (!writable()) return false;
      const ssize_t n = ::write(descriptor, piece.data(), piece.size());
      if (n > 0) {
        piece.remove_prefix(static_cast<std::size_t>(n));
      } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
      }
    }
    return true;
  }

  bool writable() {
    for (;;) {
      {
        const std::lock_guard lock(mutex);
        if (over) return false;
      }
      pollfd watched{.fd = descriptor, .events = POLLOUT, .revents = 0};
      if (poll(&watched, 1, look_again_ms) != 0) return true;  // or an error, which the write will tell
    }
  }
};

log_queue::log_queue(int descriptor, std::size_t most_bytes, log_format format)
    : state_(std::make_shared<state>(descriptor, format, std::max(most_bytes, 2 * log_line_bytes))) {}

log_queue::~log_queue() {
  if (!state_->stuck) flush(last_chance);
  const std::lock_guard lock(state_->mutex);
  state_->over = true;
  state_->filled.notify_all();
}

void log_queue::write(const log_record& record) noexcept {
  state& s = *state_;
  std::array<char, log_line_bytes> buffer;
  const std::string_view line = s.line_of(buffer, record);
  const std::lock_guard lock(s.mutex);
  try {
    state::start(state_);
    if (s.untold > 0 && s.waiting.empty()) s.tell_dropped();  // not earlier: one gap, told once
    const bool it_matters = matters(record);
    if ((s.untold == 0 || it_matters) && s.append(line, it_matters)) return s.filled.notify_one();
  } catch (const std::exception&) {  // out of memory or threads
  }
  ++s.dropped;
  ++s.untold;
}

bool log_queue::flush(duration within) noexcept {
  state& s = *state_;
  const time_point until = detail::later(steady().now(), within);
  std::unique_lock lock(s.mutex);
  const auto all_out = [&] { return s.waiting.empty() && !s.writing; };
  bool out = s.emptied.wait_until(lock, until, all_out);
  if (out && s.untold > 0) {
    try {
      s.tell_dropped();
      s.filled.notify_one();
      out = s.emptied.wait_until(lock, until, all_out);
    } catch (const std::exception&) {
      out = false;
    }
  }
  s.stuck = !out;
  return out;
}

std::uint64_t log_queue::dropped() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

}  // namespace lastcall::inline v0
