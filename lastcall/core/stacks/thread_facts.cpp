#include "lastcall/core/stacks/thread_facts.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

namespace lastcall::inline v0 {
namespace {

/// A file of /proc in one read: they are small, and what does not fit is not needed.
std::string content_of(const char* format, pid_t tid) {
  char path[64];
  std::snprintf(path, sizeof path, format, static_cast<int>(tid));
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char text[4096];
  const ssize_t size = read(file, text, sizeof text);
  close(file);
  if (size <= 0) return {};
  std::string_view all(text, static_cast<std::size_t>(size));
  if (all.back() == '\n') all.remove_suffix(1);
  return std::string(all);
}

/// "SigBlk:\t0000000000000000"
std::uint64_t mask_in(std::string_view status) noexcept {
  constexpr std::string_view key = "SigBlk:\t";
  const std::size_t at = status.find(key);
  std::uint64_t mask = 0;
  if (at != status.npos) std::from_chars(status.data() + at + key.size(), status.data() + status.size(), mask, 16);
  return mask;
}

/// What a blocked thread is usually found in. Others are told by number.
struct known_call {
  long number;
  const char* name;
  bool on_descriptor = false;  // the first argument is one
};
constexpr known_call known_calls[] = {
    {SYS_futex, "futex"},
    {SYS_read, "read", true},
    {SYS_write, "write", true},
    {SYS_readv, "readv", true},
    {SYS_writev, "writev", true},
    {SYS_pread64, "pread64", true},
    {SYS_pwrite64, "pwrite64", true},
    {SYS_recvfrom, "recvfrom", true},
    {SYS_recvmsg, "recvmsg", true},
    {SYS_recvmmsg, "recvmmsg", true},
    {SYS_sendto, "sendto", true},
    {SYS_sendmsg, "sendmsg", true},
    {SYS_sendmmsg, "sendmmsg", true},
    {SYS_sendfile, "sendfile", true},
    {SYS_splice, "splice", true},
    {SYS_accept, "accept", true},
    {SYS_accept4, "accept4", true},
    {SYS_connect, "connect", true},
    {SYS_epoll_pwait, "epoll_pwait", true},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_restart_syscall, "restart_syscall"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
    {SYS_rt_sigsuspend, "rt_sigsuspend"},
    {SYS_flock, "flock", true},
    {SYS_fcntl, "fcntl", true},
    {SYS_ioctl, "ioctl", true},
    {SYS_fsync, "fsync", true},
    {SYS_fdatasync, "fdatasync", true},
    {SYS_sync, "sync"},
    {SYS_openat, "openat"},
    {SYS_close, "close", true},
    {SYS_unlinkat, "unlinkat"},
    {SYS_munmap, "munmap"},
    {SYS_msgrcv, "msgrcv"},
    {SYS_msgsnd, "msgsnd"},
    {SYS_semop, "semop"},
    {SYS_semtimedop, "semtimedop"},
    {SYS_mq_timedreceive, "mq_timedreceive"},
    {SYS_mq_timedsend, "mq_timedsend"},
    {SYS_io_getevents, "io_getevents"},
    {SYS_io_uring_enter, "io_uring_enter", true},
    {SYS_getrandom, "getrandom"},
    {SYS_clone, "clone"},
    {SYS_execve, "execve"},
#ifdef SYS_epoll_pwait2
    {SYS_epoll_pwait2, "epoll_pwait2", true},
#endif
#ifdef SYS_futex_waitv
    {SYS_futex_waitv, "futex_waitv"},
#endif
#ifdef SYS_poll  // from here on: not on aarch64, where the C library uses others
    {SYS_poll, "poll"},
    {SYS_select, "select"},
    {SYS_epoll_wait, "epoll_wait", true},
    {SYS_pause, "pause"},
    {SYS_open, "open"},
    {SYS_vfork, "vfork"},
#endif
};

struct syscall_at {
  long number = -1;
  unsigned long argument = 0;
};

std::optional<syscall_at> parse_syscall(std::string_view line) noexcept {
  syscall_at found;
  const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), found.number);
  if (error != std::errc() || found.number < 0) return std::nullopt;  // "running", or -1: in no system call
  const std::string_view arguments(rest, static_cast<std::size_t>(line.data() + line.size() - rest));
  if (arguments.starts_with(" 0x"))
    std::from_chars(arguments.data() + 3, arguments.data() + arguments.size(), found.argument, 16);
  return found;
}

/// " on fd 7 (pipe:[81])"; the number alone when it is none of our descriptors (any more).
std::string descriptor_text(unsigned long number) {
  std::string text = " on fd " + std::to_string(static_cast<int>(number));
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", static_cast<int>(number));
  char target[256];
  const ssize_t size = readlink(path, target, sizeof target);
  if (size > 0) text.append(" (").append(target, static_cast<std::size_t>(size)).append(")");
  return text;
}

}  // namespace

std::string waits_in(std::string_view syscall_line) {
  const auto call = parse_syscall(syscall_line);
  if (!call) return {};
  for (const known_call& known : known_calls) {
    if (known.number != call->number) continue;
    return known.on_descriptor ? known.name + descriptor_text(call->argument) : known.name;
  }
  return "syscall " + std::to_string(call->number);
}

std::optional<thread_facts> facts_of_thread(pid_t tid) {
  thread_facts facts{.tid = tid};
  const std::string stat = content_of("/proc/self/task/%d/stat", tid);
  // Without /proc (a container that hides it) its stack is still to be had.
  if (stat.empty() && access("/proc/self/stat", R_OK) != 0 && ::syscall(SYS_tgkill, getpid(), tid, 0) == 0)
    return facts;
  const std::size_t name_end = stat.rfind(") ");  // the name in front of it may hold anything
  const std::size_t name_begin = stat.find('(');
  if (name_end == stat.npos || name_end + 2 >= stat.size() || name_begin > name_end) return std::nullopt;
  facts.name = stat.substr(name_begin + 1, name_end - name_begin - 1);
  facts.state = stat[name_end + 2];
  facts.blocked = mask_in(content_of("/proc/self/task/%d/status", tid));
  const std::string syscall = content_of("/proc/self/task/%d/syscall", tid);
  if (const auto call = parse_syscall(syscall)) facts.waits_for_signals = call->number == SYS_rt_sigtimedwait;
  if (facts.state == 'R') return facts;
  facts.waits = waits_in(syscall);
  if (facts.waits.empty()) {
    facts.waits = content_of("/proc/self/task/%d/wchan", tid);
    if (facts.waits == "0") facts.waits.clear();
  }
  return facts;
}

}  // namespace lastcall::inline v0
