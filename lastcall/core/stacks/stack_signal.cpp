#include "lastcall/core/stacks/stack_signal.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <mutex>
#include <optional>

namespace lastcall::inline v0 {
namespace {

// A handler gets no argument of ours but the number that came with the signal, so its data are global. They are never
// freed: a handler may run long after everybody has stopped waiting for it.
//
// One word says whose a slot is: the question's number, and how far it got. The handler takes a question from `asked`
// to `writing`, the one who asked takes it back from `asked` to `idle`: one of them succeeds. A slot that is `writing`
// belongs to the handler, however long that takes, and is not used for another question before it is `done`.
enum phase : std::uint32_t { idle = 0, asked = 1, writing = 2, done = 3 };
constexpr std::uint32_t phase_bits = 2;

struct slot {
  std::atomic<std::uint32_t> state{idle};
  std::uint32_t count = 0;  // this and the rest: the handler's to write
  std::array<std::uintptr_t, most_stack_frames> addresses{};
};
constinit std::array<slot, 32> slots;

constexpr std::uint32_t word(std::uint32_t question, phase p) noexcept { return question << phase_bits | p; }
constexpr phase phase_of(std::uint32_t state) noexcept { return static_cast<phase>(state & 3); }

// The ticket that travels with the signal.
std::uintptr_t ticket_of(std::uint32_t question, std::size_t index) noexcept {
  return static_cast<std::uintptr_t>(question) << 8 | index;
}
static_assert(sizeof(std::uintptr_t) == 8 && std::tuple_size_v<decltype(slots)> <= 256);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);

std::uint32_t* futex_word(std::atomic<std::uint32_t>& of) noexcept { return reinterpret_cast<std::uint32_t*>(&of); }

struct walk {
  std::uintptr_t interrupted;  // where the thread was; 0 when this machine's layout is unknown
  bool begun;                  // the handler's own frames are behind us
  slot* into;
};

_Unwind_Reason_Code on_frame(_Unwind_Context* frame, void* data) {
  walk& w = *static_cast<walk*>(data);
  int exact = 0;  // in a frame that a signal interrupted the address is no return address
  const std::uintptr_t address = _Unwind_GetIPInfo(frame, &exact);
  if (address == 0) return _URC_END_OF_STACK;
  if (!w.begun) {
    if (address != w.interrupted) return _URC_NO_REASON;
    w.begun = true;
    w.into->count = 0;  // the one noted below comes again
  }
  w.into->addresses[w.into->count++] = exact != 0 ? address : address - 1;
  return w.into->count < most_stack_frames ? _URC_NO_REASON : _URC_END_OF_STACK;
}

std::uintptr_t interrupted_at([[maybe_unused]] const void* context) noexcept {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
  return 0;
#endif
}

void unwind_into(slot& into, const void* context) noexcept {
  walk w{.interrupted = interrupted_at(context), .begun = false, .into = &into};
  w.begun = w.interrupted == 0;
  into.count = 0;
  if (!w.begun) into.addresses[into.count++] = w.interrupted;  // in case that the unwinder does not get there
  _Unwind_Backtrace(on_frame, &w);
}

extern "C" void lastcall_on_stack_signal(int, siginfo_t* info, void* context) {
  // Without a question of ours it is somebody else's signal; the default would have ended the process.
  if (info->si_code != SI_QUEUE || info->si_pid != getpid()) return;
  const int kept_errno = errno;
  const auto ticket = reinterpret_cast<std::uintptr_t>(info->si_value.sival_ptr);
  const std::size_t index = ticket & 0xff;
  const auto question = static_cast<std::uint32_t>(ticket >> 8);
  if (index < slots.size()) {
    slot& mine = slots[index];
    std::uint32_t expected = word(question, asked);
    if (mine.state.compare_exchange_strong(expected, word(question, writing), std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      unwind_into(mine, context);
      mine.state.store(word(question, done), std::memory_order_release);
      syscall(SYS_futex, futex_word(mine.state), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
    }
  }
  errno = kept_errno;
}

bool is_blocked(const thread_facts& by, int signal) noexcept { return (by.blocked >> (signal - 1) & 1) != 0; }

bool is_default(int signal) noexcept {
  struct sigaction current{};
  return sigaction(signal, nullptr, &current) == 0 && (current.sa_flags & SA_SIGINFO) == 0 &&
         current.sa_handler == SIG_DFL;
}

std::optional<int> choose_signal(std::span<const thread_facts> threads) noexcept {
  std::optional<int> best;
  std::ptrdiff_t best_count = 0;
  for (int signal = SIGRTMAX; signal >= SIGRTMIN; --signal) {
    if (!is_default(signal)) continue;
    const auto count = std::ranges::count_if(threads, [&](const thread_facts& t) { return is_blocked(t, signal); });
    if (best && count >= best_count) continue;
    best = signal;
    best_count = count;
    if (count == 0) break;
  }
  return best;
}

/// Our handler for a signal, for as long as it lives.
class installed {
 public:
  explicit installed(int signal) noexcept : signal_(signal) {
    struct sigaction action{};
    action.sa_sigaction = lastcall_on_stack_signal;
    action.sa_flags = SA_RESTART | SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    // A question that comes while the handler of the one before is about to return may travel by another number, since
    // this one is blocked there: without this, handlers would pile up on one stack.
    for (int other = SIGRTMIN; other <= SIGRTMAX; ++other) sigaddset(&action.sa_mask, other);
    sigaction(signal_, &action, nullptr);
  }
  ~installed() {
    struct sigaction current{};
    if (sigaction(signal_, nullptr, &current) != 0 || (current.sa_flags & SA_SIGINFO) == 0 ||
        current.sa_sigaction != lastcall_on_stack_signal)
      return;  // somebody has put theirs in its place
    // What is still pending for a thread would end the process under the default. Ignoring it drops it, at once and
    // for every thread. Source: POSIX, sigaction, "pending signal ... shall be discarded".
    struct sigaction left{};
    left.sa_handler = SIG_IGN;
    sigaction(signal_, &left, nullptr);
    left.sa_handler = SIG_DFL;
    sigaction(signal_, &left, nullptr);
  }
  installed& operator=(installed&&) = delete;

 private:
  const int signal_;
};

_Unwind_Reason_Code ignore_frame(_Unwind_Context* frame, void*) {
  int exact = 0;
  return _Unwind_GetIPInfo(frame, &exact) == 0 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/// What is done once in a process (tables, symbols bound on the first call) is done here, not in a handler.
void warm_up() noexcept { _Unwind_Backtrace(ignore_frame, nullptr); }

bool send(pid_t to, int signal, std::uintptr_t ticket) noexcept {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr = reinterpret_cast<void*>(ticket);
  return syscall(SYS_rt_tgsigqueueinfo, getpid(), to, signal, &info) == 0;
}

/// True: the question is over. False: `by` came first.
bool wait_for_answer(slot& of, std::uint32_t question, time_point by) noexcept {
  for (;;) {
    const std::uint32_t state = of.state.load(std::memory_order_acquire);  // with the release of `done`
    if (state == word(question, done)) return true;
    const duration left = by - steady().now();
    if (left <= duration::zero()) return false;
    const timespec timeout = detail::to_timespec(left);
    syscall(SYS_futex, futex_word(of.state), FUTEX_WAIT_PRIVATE, state, &timeout, nullptr, 0);
  }
}

bool ask(pid_t tid, int signal, std::size_t index, raw_stack& into) noexcept {
  slot& s = slots[index];
  const std::uint32_t question =
      ((s.state.load(std::memory_order_relaxed) >> phase_bits) + 1) & (UINT32_MAX >> phase_bits);
  s.state.store(word(question, asked), std::memory_order_release);
  if (send(tid, signal, ticket_of(question, index))) return true;
  into.answer = errno == ESRCH ? stack_answer::gone : stack_answer::unasked;
  s.state.store(word(question, idle), std::memory_order_relaxed);
  return false;
}

void collect(std::span<const std::optional<std::size_t>> slot_of, duration each, std::span<raw_stack> into) {
  const time_point by = steady().now() + each;
  for (std::size_t i = 0; i < slot_of.size(); ++i) {
    if (!slot_of[i]) continue;
    slot& s = slots[*slot_of[i]];
    const std::uint32_t question = s.state.load(std::memory_order_relaxed) >> phase_bits;
    bool answered = wait_for_answer(s, question, by);
    if (!answered) {
      std::uint32_t expected = word(question, asked);
      if (!s.state.compare_exchange_strong(expected, word(question, idle), std::memory_order_acquire))
        // It is writing just now: microseconds, unless it has lost its processor.
        answered = wait_for_answer(s, question, by + each);
    }
    into[i].answer = answered ? stack_answer::given : stack_answer::late;
    if (answered) into[i].addresses.assign(s.addresses.begin(), s.addresses.begin() + s.count);
  }
}

/// Asks as many as there are free slots, then collects. Returns how many of `threads` it has dealt with: 0 when no slot
/// is free.
std::size_t ask_some(int signal, duration each, std::span<const thread_facts> threads, std::span<raw_stack> into) {
  std::array<std::optional<std::size_t>, std::tuple_size_v<decltype(slots)>> slot_of;
  std::size_t taken = 0, next_slot = 0;
  for (; taken < threads.size() && taken < slot_of.size(); ++taken) {
    const thread_facts& to = threads[taken];
    if (is_blocked(to, signal) || to.waits_for_signals) {
      into[taken].answer = stack_answer::blocked;
      continue;
    }
    while (next_slot < slots.size() && phase_of(slots[next_slot].state.load(std::memory_order_acquire)) == writing)
      ++next_slot;
    if (next_slot == slots.size()) break;
    if (ask(to.tid, signal, next_slot, into[taken])) slot_of[taken] = next_slot;
    ++next_slot;
  }
  collect(std::span(slot_of).first(taken), each, into);
  return taken;
}

}  // namespace

std::vector<raw_stack> ask_for_stacks(std::span<const thread_facts> threads, duration each) {
  static constinit std::mutex one_at_a_time;
  std::vector<raw_stack> answers(threads.size());
  const std::lock_guard lock(one_at_a_time);
  const std::optional<int> signal = choose_signal(threads);
  if (!signal) return answers;
  warm_up();
  const installed handler(*signal);
  for (std::size_t begun = 0; begun < threads.size();) {
    const std::size_t count = ask_some(*signal, each, threads.subspan(begun), std::span(answers).subspan(begun));
    if (count == 0) break;
    begun += count;
  }
  return answers;
}

}  // namespace lastcall::inline v0
