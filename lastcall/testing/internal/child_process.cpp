// Threads: one reader thread reads the captured streams until they end, or `leave` tells it to; `lock` guards their
// text. The other members are used by the threads of the caller.
#include "lastcall/testing/internal/child_process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "lastcall/core/process/start_process.hpp"

namespace lastcall::inline v0::testing {

namespace {

using lastcall::detail::descriptor;
using lastcall::detail::make_pipe;
using lastcall::detail::open_file;

int poll_timeout(const deadline& by) {
  const auto left = by.remaining(std::chrono::steady_clock::now());
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

struct stream {
  descriptor from;
  std::string text;
  bool open = false;
};

}  // namespace

struct child_process::state {
  pid_t pid = -1;
  bool own_group = false;
  std::size_t capture_limit = 0;
  descriptor exit;   // pidfd
  descriptor leave;  // eventfd: the reader thread is to end
  mutable std::mutex lock;
  mutable std::condition_variable changed;
  std::array<stream, 2> streams;  // stdout, stderr; guarded by `lock`, except `from`
  std::optional<exit_status> status;
  time_point gone_at = time_point::max();
  duration final_cpu{};
  std::thread reader;

  void read_streams();
  void take(stream&);
  std::optional<std::string> find_line(const stream&, std::string_view text, deadline by) const;
  bool reap(bool block);
};

/// Beyond the limit it reads and drops, so that the child is not blocked by a full pipe.
void child_process::state::take(stream& s) {
  std::array<char, 16384> bytes;
  const ssize_t n = ::read(*s.from, bytes.data(), bytes.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  const std::lock_guard hold(lock);
  if (n <= 0) {
    s.open = false;
  } else {
    s.text.append(bytes.data(), std::min<std::size_t>(n, capture_limit - std::min(capture_limit, s.text.size())));
  }
  changed.notify_all();
}

void child_process::state::read_streams() {
  for (;;) {
    std::array<pollfd, 3> watched{pollfd{*leave, POLLIN, 0}, pollfd{-1, POLLIN, 0}, pollfd{-1, POLLIN, 0}};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::lock_guard hold(lock);
      if (streams[i].open) watched[i + 1].fd = *streams[i].from;
    }
    if (watched[1].fd < 0 && watched[2].fd < 0) return;
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents != 0) return;
    for (std::size_t i = 0; i < 2; ++i) {
      if (watched[i + 1].revents != 0) take(streams[i]);
    }
  }
}

std::optional<std::string> child_process::state::find_line(const stream& s, std::string_view text, deadline by) const {
  std::unique_lock hold(lock);
  std::size_t from = 0;
  for (;;) {
    for (std::size_t end; (end = s.text.find('\n', from)) != std::string::npos; from = end + 1) {
      const auto line = std::string_view(s.text).substr(from, end - from);
      if (line.find(text) != line.npos) return std::string(line);
    }
    if (!s.open) return std::nullopt;
    if (changed.wait_until(hold, by.when()) == std::cv_status::timeout && by.passed(std::chrono::steady_clock::now())) {
      return std::nullopt;
    }
  }
}

/// waitid by system call, since only that returns the rusage. True: the process has ended, now or before.
bool child_process::state::reap(bool block) {
  {
    const std::lock_guard hold(lock);
    if (status) return true;
  }
  siginfo_t info{};
  rusage used{};
  int result;
  do {
    result = static_cast<int>(::syscall(SYS_waitid, P_PID, pid, &info, WEXITED | (block ? 0 : WNOHANG), &used));
  } while (result < 0 && errno == EINTR);
  if (result < 0 || info.si_pid == 0) return false;
  const std::lock_guard hold(lock);
  status = info.si_code == CLD_EXITED ? exit_status{info.si_status, 0} : exit_status{-1, info.si_status};
  final_cpu = std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
              std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  return true;
}

child_process::child_process(const std::vector<std::string>& argv, child_options options)
    : state_(std::make_unique<state>()) {
  auto& s = *state_;
  s.own_group = options.own_group;
  s.capture_limit = options.capture_limit_bytes;
  s.leave = descriptor(::eventfd(0, EFD_CLOEXEC));

  const descriptor nothing = open_file("/dev/null", O_RDWR, "child_process");
  descriptor file;
  if (!options.errors_file.empty())
    file = open_file(options.errors_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, "child_process");
  const std::array wanted{options.output, options.errors_file.empty() ? options.errors : stream_to::discard};
  std::array<descriptor, 2> write_ends;
  std::array<int, 2> targets{1, 2};  // these become descriptors 1 and 2 in the child
  for (std::size_t i = 0; i < 2; ++i) {
    if (wanted[i] == stream_to::capture) {
      auto ends = make_pipe("child_process");
      s.streams[i].from = std::move(ends[0]);
      s.streams[i].open = true;
      write_ends[i] = std::move(ends[1]);
      targets[i] = *write_ends[i];
    } else if (wanted[i] == stream_to::discard) {
      targets[i] = *nothing;
    }
  }
  if (*file >= 0) targets[1] = *file;
  auto started = lastcall::detail::start_process({.command = argv,
                                                  .environment = options.environment,
                                                  .input = *nothing,
                                                  .output = targets[0],
                                                  .errors = targets[1],
                                                  .own_group = options.own_group,
                                                  .closes_rest = false},
                                                 "child_process");
  s.pid = started.pid;
  s.exit = std::move(started.exit);
  write_ends[0].reset();
  write_ends[1].reset();
  s.reader = std::thread([&s] { s.read_streams(); });
}

child_process::~child_process() {
  if (!state_) return;
  auto& s = *state_;
  if (!s.reap(false)) {
    if (s.own_group) ::kill(-s.pid, SIGKILL);  // safe: the leader is not reaped yet, so the number is not reused
    signal(SIGKILL);
    s.reap(true);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(*s.leave, &one, sizeof one);
  if (s.reader.joinable()) s.reader.join();
}

child_process::child_process(child_process&&) noexcept = default;

child_process& child_process::operator=(child_process&& other) noexcept {
  child_process old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

pid_t child_process::pid() const noexcept { return state_->pid; }
int child_process::exit_descriptor() const noexcept { return *state_->exit; }

std::optional<std::string> child_process::wait_for_line(std::string_view text, deadline by) const {
  return state_->find_line(state_->streams[0], text, by);
}
std::optional<std::string> child_process::wait_for_error_line(std::string_view text, deadline by) const {
  return state_->find_line(state_->streams[1], text, by);
}

bool child_process::signal(int number) const noexcept { return lastcall::detail::signal_process(state_->exit, number); }

std::optional<exit_status> child_process::wait(deadline by) {
  auto& s = *state_;
  do {
    pollfd watched{*s.exit, POLLIN, 0};
    const int ready = ::poll(&watched, 1, poll_timeout(by));
    if (ready == 0) return std::nullopt;
    const std::lock_guard hold(s.lock);
    if (ready > 0) s.gone_at = std::min(s.gone_at, steady().now());
  } while (!s.reap(false));
  std::unique_lock hold(s.lock);
  s.changed.wait_until(hold, by.when(), [&] { return !s.streams[0].open && !s.streams[1].open; });
  return s.status;
}

time_point child_process::gone_at() const {
  const std::lock_guard hold(state_->lock);
  return state_->gone_at;
}

bool child_process::running() const noexcept {
  pollfd watched{*state_->exit, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 0;
}

std::string child_process::output() const {
  const std::lock_guard hold(state_->lock);
  return state_->streams[0].text;
}

std::string child_process::errors() const {
  const std::lock_guard hold(state_->lock);
  return state_->streams[1].text;
}

duration child_process::cpu_time() const {
  {
    const std::lock_guard hold(state_->lock);
    if (state_->status) return state_->final_cpu;
  }
  clockid_t clock;
  timespec used{};
  if (::clock_getcpuclockid(state_->pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return {};
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::size_t child_process::descriptors() const {
  DIR* const folder = ::opendir(("/proc/" + std::to_string(state_->pid) + "/fd").c_str());
  if (folder == nullptr) return 0;
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.';
  ::closedir(folder);
  return count;
}

std::size_t child_process::resident_bytes() const {
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(state_->pid) + "/statm").c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long pages = 0;
  if (std::fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace lastcall::inline v0::testing
