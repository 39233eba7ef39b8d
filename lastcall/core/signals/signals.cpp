#include "lastcall/core/signals/signals.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "lastcall/core/late_wake.hpp"
#include "lastcall/core/signals/signal_name.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/timed_poll.hpp"

namespace lastcall::inline v0 {
namespace {

// What the handler writes. It is smaller than PIPE_BUF, so a write is never split, and records do not mix.
struct pipe_record {
  int number;
  int code;
  pid_t pid;
  uid_t uid;
  time_point at;
};
static_assert(std::is_trivially_copyable_v<pipe_record> && sizeof(pipe_record) < PIPE_BUF);

// A signal handler gets no argument of ours, so its data is global. It is written before the handler is installed, and
// read only while it is installed.
struct slot {
  std::atomic<bool> taken{false};
  std::atomic<int> pipe{-1};
  pid_t owner = 0;
  struct sigaction before{};
};
constexpr int most_signals = 65;
constinit std::array<slot, most_signals> slots;
// How many handlers are running. The destructor clears the pipe in the slots and then waits for 0. A handler increments
// this and then reads the pipe. Both are sequentially consistent, so one of the two sees the other.
constinit std::atomic<int> handlers_inside{0};

// Runs on any thread, at any point of its code, so it only calls async-signal-safe functions.   Source:
// signal-safety(7).
extern "C" void lastcall_on_signal(int number, siginfo_t* info, void*) {
  const int kept_errno = errno;
  handlers_inside.fetch_add(1);
  slot& of = slots[static_cast<std::size_t>(number)];
  if (const int pipe = of.pipe.load(); pipe >= 0) {
    if (getpid() == of.owner) {
      const pipe_record record{number, info->si_code, info->si_pid, info->si_uid, std::chrono::steady_clock::now()};
      [[maybe_unused]] const ssize_t written = write(pipe, &record, sizeof record);
    } else {  // a forked child: restore the earlier handling, and deliver the signal to it
      sigaction(number, &of.before, nullptr);
      raise(number);
    }
  }
  handlers_inside.fetch_sub(1);
  errno = kept_errno;
}

struct pipe_ends {
  pipe_ends() {
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::system_error(errno, std::generic_category(), "signals: no descriptor for the signal thread");
  }
  pipe_ends& operator=(pipe_ends&&) = delete;
  ~pipe_ends() {
    close(ends[0]);
    if (!write_end_leaks) close(ends[1]);
  }

  std::array<int, 2> ends{};
  bool write_end_leaks = false;  // a handler may still write to it
};

// Only these codes come with a pid. Source: sigaction(2).
bool sent_by_process(int code) noexcept { return code == SI_USER || code == SI_QUEUE || code == SI_TKILL; }

void read_sender(signal_record& record) noexcept {
  if (!sent_by_process(record.code) || record.pid <= 0) return;
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/comm", static_cast<int>(record.pid));
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const ssize_t length = read(file, record.sender, sizeof record.sender - 1);
  close(file);
  record.sender[length > 0 ? length : 0] = '\0';
  if (char* end = std::strchr(record.sender, '\n')) *end = '\0';
}

// The slots of one `signals` object. Releases them when it is destroyed.
class claims {
 public:
  claims() = default;
  // From the other constructor on it is destroyed, also when one can't be taken.
  explicit claims(const std::vector<int>& numbers) : claims() {
    for (const int number : numbers) take(number);
  }
  claims& operator=(claims&&) = delete;
  ~claims() {
    for (const int number : numbers_) slots[static_cast<std::size_t>(number)].taken.store(false);
  }

  const std::vector<int>& numbers() const noexcept { return numbers_; }

 private:
  void take(int number) {
    if (const auto reason = why_not_catchable(number)) throw std::invalid_argument("signals: " + *reason);
    if (std::ranges::find(numbers_, number) != numbers_.end()) return;
    if (number == SIGHUP) {
      struct sigaction inherited{};
      if (sigaction(number, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_IGN) return;
    }
    numbers_.reserve(numbers_.size() + 1);
    if (slots[static_cast<std::size_t>(number)].taken.exchange(true)) {
      throw std::invalid_argument("signals: " + signal_name(number) +
                                  " is caught by another lastcall::app or lastcall::signals of this process already; "
                                  "give one of them no signals (.signals = {})");
    }
    numbers_.push_back(number);
  }

  std::vector<int> numbers_;
};

}  // namespace

// Three kinds of threads meet here. Handlers, on any thread, write to the pipe. The reader, a thread of ours, reads it
// and calls back. Users call wake_at and destroy the object. The reader finds the latest wake-up by its address, and
// takes no lock: a thread that hangs may hold it, and the reader must still be able to leave the process. So all of
// them stay until the end.
struct signals::state {
  struct wake {
    time_point when;  // not before the call of wake_at, so that a late wake can be told
    function<void()> f;
  };

  state(const std::vector<int>& wanted, function<void(const signal_record&)> handler)
      : claimed(wanted), on_signal(std::move(handler)), reader([this] { run(); }) {
    for (const int number : claimed.numbers()) install(number);
  }

  ~state() {
    for (const int number : claimed.numbers()) restore(number);
    pipe.write_end_leaks = !handlers_left();
    leaving.store(true);
    poke();
    getpid() == owner ? reader.join() : reader.detach();  // a forked child has no such thread
  }

  void install(int number) noexcept {
    slot& of = slots[static_cast<std::size_t>(number)];
    of.owner = owner;
    struct sigaction action{};
    action.sa_sigaction = lastcall_on_signal;
    action.sa_flags = SA_RESTART | SA_SIGINFO | SA_ONSTACK;  // ONSTACK for threads of other runtimes with small stacks
    sigemptyset(&action.sa_mask);
    // Two calls: after a single call the handler could run before `before` is written.
    sigaction(number, nullptr, &of.before);
    of.pipe.store(pipe.ends[1]);
    sigaction(number, &action, nullptr);
  }

  void restore(int number) noexcept {
    slot& of = slots[static_cast<std::size_t>(number)];
    struct sigaction current{};
    if (sigaction(number, nullptr, &current) == 0 && (current.sa_flags & SA_SIGINFO) != 0 &&
        current.sa_sigaction == lastcall_on_signal) {
      sigaction(number, &of.before, nullptr);
    }
    of.pipe.store(-1);
  }

  // With a limit: a process that is forked inside a handler inherits a count that never becomes 0.
  static bool handlers_left() noexcept {
    for (int tries = 0; tries < 1000; ++tries) {
      if (handlers_inside.load() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  void poke() noexcept {
    const pipe_record no_signal{};
    // Fails only when the pipe is full: then the reader has something to read.
    [[maybe_unused]] const ssize_t written = write(pipe.ends[1], &no_signal, sizeof no_signal);
  }

  void run() noexcept {
    pthread_setname_np(pthread_self(), "lastcall-signal");
    // The process may have been started with these signals blocked. They are unblocked on this thread only.
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : claimed.numbers()) sigaddset(&ours, number);
    pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
    while (!leaving.load()) {
      wait();
      if (leaving.load()) return;
      read_signals();
      fire_if_due();
    }
  }

  // Null: nothing is left to be called.
  const wake* next_wake() const noexcept {
    const wake* const next = latest.load();
    return next != called ? next : nullptr;
  }

  // What was due while the process did not run gets a further moment: the driver may have been about to end.
  time_point when_of(const wake& of) const noexcept { return std::max(of.when, not_before); }

  void wait() noexcept {
    const wake* const next = next_wake();
    poll.wait(pipe.ends[0], next ? std::optional(when_of(*next)) : std::nullopt);
  }

  void read_signals() noexcept {
    std::array<pipe_record, 64> records;
    const ssize_t got = read(pipe.ends[0], records.data(), sizeof records);
    for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got) / sizeof(pipe_record); ++i) {
      const pipe_record& raw = records[i];
      if (raw.number == 0) continue;  // from poke()
      signal_record record{.number = raw.number, .code = raw.code, .pid = raw.pid, .uid = raw.uid, .at = raw.at};
      read_sender(record);
      on_signal(record);
    }
  }

  void fire_if_due() noexcept {
    const wake* const due = next_wake();
    const time_point now = steady().now();
    if (due == nullptr || now < when_of(*due)) return;
    if (const auto wait_on = late.further_wait(when_of(*due), now)) {
      not_before = *wait_on;
      return;
    }
    called = due;
    due->f();
  }

  const pid_t owner = getpid();
  const claims claimed;
  function<void(const signal_record&)> on_signal;
  pipe_ends pipe;
  const detail::timed_poll poll{"signals: no descriptor for the signal thread"};
  std::atomic<bool> leaving{false};
  std::mutex wakes_mutex;  // of users that call wake_at at once; never the reader's
  std::deque<wake> wakes;
  std::atomic<const wake*> latest{nullptr};
  const wake* called = nullptr;  // this and the next two: the reader's
  late_wakes late{late_wakes_of_a_guard, lateness_of_a_guard};
  time_point not_before{};
  detail::own_thread reader;  // last: it starts when all other members exist
};

signals::signals(const std::vector<int>& numbers, function<void(const signal_record&)> on_signal)
    : state_(std::make_unique<state>(numbers, std::move(on_signal))) {}

signals::~signals() = default;

void signals::wake_at(time_point when, function<void()> f) {
  state& s = *state_;
  const std::lock_guard lock(s.wakes_mutex);
  s.latest.store(&s.wakes.emplace_back(state::wake{std::max(when, steady().now()), std::move(f)}));
  s.poke();
}

std::string describe_sender(const signal_record& record) {
  if (record.code == SI_KERNEL) return "terminal";
  if (!sent_by_process(record.code)) return "kernel";  // a timer, a child and the like
  if (record.pid == 0) return "outside this container";
  if (record.pid == getpid()) return "this process";
  std::string text = "pid " + std::to_string(record.pid);
  if (record.sender[0] != '\0') text.append(" (").append(record.sender).append(")");
  return text;
}

}  // namespace lastcall::inline v0
