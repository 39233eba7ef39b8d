// vfork: the thread waits until the child has become its program, and a process of many gigabytes is not copied first.
// Until exec the child runs in our memory, so it calls async-signal-safe functions only, changes no variable of ours,
// and has no handler of ours. It reports an error by a pipe, since the sanitizers make a fork of the vfork.
#include "lastcall/core/process/start_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "lastcall/core/exit/exit_code.hpp"

namespace lastcall::inline v0::detail {

namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) all.emplace_back(*e);
  for (const std::string& entry : added) {
    const std::string_view name(entry.data(), entry.find('=') + 1);
    std::erase_if(all, [&](const std::string& other) { return other.starts_with(name); });
    all.push_back(entry);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

constexpr int first_free = 3;  // in the child, behind what is to be filled

struct child_steps {
  char* const* command;
  char* const* environment;
  const char* folder;  // null: ours
  int streams[3];
  int report;
  pid_t parent;
  bool own_group;
  bool closes_rest;
};

void default_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction has;
    if (::sigaction(number, nullptr, &has) != 0) continue;
    if (has.sa_handler == SIG_DFL || (has.sa_handler == SIG_IGN && number != SIGPIPE)) continue;
    has.sa_handler = SIG_DFL;
    has.sa_flags = 0;
    ::sigaction(number, &has, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void give_up(int report, int error) {
  [[maybe_unused]] const auto ignored = ::write(report, &error, sizeof error);
  ::_exit(exit_codes::not_executed);
}

// Above those that are to be filled, so that none is overwritten before it is copied.
int moved_up(int fd) { return fd >= first_free ? fd : ::fcntl(fd, F_DUPFD_CLOEXEC, first_free); }

// Does not return to our frames.
[[noreturn, gnu::noinline]] void become(const child_steps& of) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != of.parent) ::_exit(exit_codes::not_executed);  // our process ended before prctl
  if (of.own_group) ::setpgid(0, 0);
  int report = moved_up(of.report);
  if (report < 0) ::_exit(exit_codes::not_executed);
  int streams[3];
  for (int i = 0; i < 3; ++i)
    if ((streams[i] = moved_up(of.streams[i])) < 0) give_up(report, errno);
  for (int i = 0; i < 3; ++i)
    if (::dup2(streams[i], i) < 0) give_up(report, errno);
  if (of.closes_rest) {
    if (report != first_free) report = ::dup3(report, first_free, O_CLOEXEC);
    ::syscall(SYS_close_range, first_free + 1, UINT_MAX, 0);  // where there is none, O_CLOEXEC has to do
  }
  if (of.folder != nullptr && ::chdir(of.folder) != 0) give_up(report, errno);
  default_signals();
  ::execvpe(of.command[0], of.command, of.environment);
  give_up(report, errno);
}

// The one function with a vfork: it has no object that is destroyed behind it.
pid_t begin(const child_steps& of) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours runs in the child
  const pid_t pid = ::vfork();
  if (pid == 0) become(of);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

}  // namespace

std::array<descriptor, 2> make_pipe(const std::string& whose) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(errno, whose + ": no pipe");
  return {descriptor(ends[0]), descriptor(ends[1])};
}

descriptor open_file(const char* path, int flags, const std::string& whose) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) fail(errno, whose + ": cannot open " + path);
  return descriptor(fd);
}

bool signal_process(const descriptor& exit, int number) noexcept {
  return ::syscall(SYS_pidfd_send_signal, *exit, number, nullptr, 0) == 0;
}

void check_environment(const std::vector<std::string>& environment, const std::string& whose) {
  for (std::size_t i = 0; i < environment.size(); ++i) {
    const std::size_t name_bytes = environment[i].find('=');
    if (name_bytes == 0 || name_bytes == std::string::npos)
      throw std::invalid_argument(whose + ": environment[" + std::to_string(i) + "] has no name; give NAME=value");
  }
}

started_process start_process(const process_start& of, const std::string& whose) {
  if (of.command.empty()) throw std::invalid_argument(whose + ": no program was given");
  check_environment(of.environment, whose);
  const auto environment = merged_environment(of.environment);
  const auto command = pointers(of.command);
  const auto variables = pointers(environment);
  auto report = make_pipe(whose);
  const child_steps steps{.command = command.data(),
                          .environment = variables.data(),
                          .folder = of.folder.empty() ? nullptr : of.folder.c_str(),
                          .streams = {of.input, of.output, of.errors},
                          .report = *report[1],
                          .parent = ::getpid(),
                          .own_group = of.own_group,
                          .closes_rest = of.closes_rest};
  started_process made;
  made.pid = begin(steps);
  if (made.pid < 0) fail(errno, whose + ": cannot start " + of.command.front());
  if (of.own_group) ::setpgid(made.pid, made.pid);  // both do it, so the order does not matter
  report[1].reset();
  int error = 0;
  ssize_t got;
  do got = ::read(*report[0], &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got != sizeof error) {
    made.exit = descriptor(static_cast<int>(::syscall(SYS_pidfd_open, made.pid, 0)));
    if (*made.exit >= 0 || errno == ESRCH) return made;
    error = errno;  // no descriptor left: then nobody could wait for it
    ::kill(made.pid, SIGKILL);
  }
  siginfo_t ignored;
  while (::waitid(P_PID, static_cast<id_t>(made.pid), &ignored, WEXITED) != 0 && errno == EINTR) {}
  fail(error, whose + ": cannot start " + of.command.front());
}

}  // namespace lastcall::inline v0::detail
