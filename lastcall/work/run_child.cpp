#include "lastcall/work/run_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/work/child_record.hpp"
#include "lastcall/work/line_cutter.hpp"

namespace lastcall::inline v0 {

namespace {

using detail::child_record;
using detail::descriptor;
using detail::line_cutter;

// How long what has been killed may hold the output open; then others hold it. After force the stop needs the time.
constexpr duration last_output = std::chrono::milliseconds(200);
constexpr duration last_output_forced = std::chrono::milliseconds(10);

std::string name_of(const child_program& program) {
  return program.name.empty() ? program.command.front() : program.name;
}

/// Its lines, to the log or to the program's function.
class output {
 public:
  output(const child_program& program, const logger& log, child_record& into)
      : program_(program),
        name_(name_of(program)),
        log_(log),
        into_(into),
        logged_(program.lines_per_second),
        cutters_{line_cutter(program.longest_line), line_cutter(program.longest_line)} {}

  void take(std::size_t stream, std::string_view bytes) {
    cutters_[stream].take(bytes, [&](std::string_view line) { tell(line, stream == 1); });
  }
  void end(std::size_t stream) {
    cutters_[stream].end([&](std::string_view line) { tell(line, stream == 1); });
  }

 private:
  void tell(std::string_view line, bool of_stderr) {
    if (program_.line) {
      const std::exception_ptr threw = exception_of([&] { program_.line(line, of_stderr); });
      if (threw && logged_.admit(steady().now()))
        log_.error(name_, "the function for its lines threw", {{"error", to_text(threw)}});
      return;
    }
    const auto dropped = logged_.admit(steady().now());
    if (!dropped) {
      const std::lock_guard held(into_.mutex);
      ++into_.lines_dropped;
      return;
    }
    const std::string_view stream = of_stderr ? "stderr" : "stdout";
    if (*dropped == 0) {
      log_.info(name_, stream, {{"line", line}});
    } else {
      log_.info(name_, stream, {{"line", line}, {"left_out", std::to_string(*dropped)}});
    }
  }

  const child_program& program_;
  const std::string name_;
  const logger& log_;
  child_record& into_;
  log_limit logged_;
  std::array<line_cutter, 2> cutters_;
};

/// One that has started. It is killed if it has not ended when this goes.
class running_child {
 public:
  running_child(const child_program& program, child_record& into) : into_(into) {
    const descriptor nothing = detail::open_file("/dev/null", O_RDONLY, name_of(program));
    auto out = detail::make_pipe(name_of(program));
    auto errors = detail::make_pipe(name_of(program));
    from_ = {std::move(out[0]), std::move(errors[0])};
    for (const descriptor& pipe : from_) ::fcntl(*pipe, F_SETFL, O_NONBLOCK);
    started_ = detail::start_process({.command = program.command,
                                      .environment = program.environment,
                                      .folder = program.folder,
                                      .input = *nothing,
                                      .output = *out[1],
                                      .errors = *errors[1]},
                                     name_of(program));
    const std::lock_guard held(into_.mutex);
    into_.exit = &started_.exit;
    into_.pid = started_.pid;
    into_.began = steady().now();
    ++into_.starts;
  }
  ~running_child() {
    if (!collected_) collect();
  }
  running_child& operator=(running_child&&) = delete;

  void tell(int number) const noexcept { detail::signal_process(started_.exit, number); }
  // Its group keeps its number as long as it is not collected.
  void kill_group() const noexcept {
    if (detail::signal_process(started_.exit, 0)) ::kill(-started_.pid, SIGKILL);
  }

  /// Reads what has come. True: it has ended.   Blocks: until `wake` is readable, something has come, or it has ended.
  bool look(int wake, output& to) {
    std::array<pollfd, 4> watched{pollfd{*started_.exit, POLLIN, 0}, pollfd{wake, POLLIN, 0},
                                  pollfd{*from_[0], POLLIN, 0}, pollfd{*from_[1], POLLIN, 0}};
    const bool is_gone = *started_.exit < 0;
    ::poll(watched.data(), watched.size(), is_gone ? 0 : -1);
    for (std::size_t stream = 0; stream < 2; ++stream)
      if (watched[2 + stream].revents != 0) read_some(stream, to);
    return is_gone || watched[0].revents != 0;
  }

  /// Reads what it and its group have left in the pipes. False: somebody still holds them.
  bool read_rest(const context& with, output& to) {
    const time_point began = steady().now();
    for (bool in_time = true; in_time && (*from_[0] >= 0 || *from_[1] >= 0);) {
      std::array<pollfd, 2> watched{pollfd{*from_[0], POLLIN, 0}, pollfd{*from_[1], POLLIN, 0}};
      const duration most = with.forced() ? last_output_forced : last_output;
      const duration left = most - (steady().now() - began);
      in_time = left > duration::zero();
      // Not longer than that at a time, since force may come meanwhile.
      const duration wait = std::clamp(left, duration::zero(), last_output_forced);
      ::poll(watched.data(), watched.size(),
             static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
      for (std::size_t stream = 0; stream < 2; ++stream)
        if (watched[stream].revents != 0) read_some(stream, to);
    }
    const bool all = *from_[0] < 0 && *from_[1] < 0;
    for (std::size_t stream = 0; stream < 2; ++stream)
      if (*from_[stream] >= 0) to.end(stream);
    return all;
  }

  exit_status collect() {
    kill_group();
    siginfo_t ended{};
    int error;
    do error = ::waitid(P_PIDFD, static_cast<id_t>(*started_.exit), &ended, WEXITED) == 0 ? 0 : errno;
    while (error == EINTR);
    collected_ = true;
    exit_status status;
    if (error == 0)
      status =
          ended.si_code == CLD_EXITED ? exit_status{.code = ended.si_status} : exit_status{.signal = ended.si_status};
    const std::lock_guard held(into_.mutex);
    into_.exit = nullptr;
    into_.pid = -1;
    into_.status = status;
    return status;
  }

 private:
  void read_some(std::size_t stream, output& to) {
    std::array<char, 16384> bytes;
    const ssize_t n = ::read(*from_[stream], bytes.data(), bytes.size());
    if (n > 0) return to.take(stream, {bytes.data(), static_cast<std::size_t>(n)});
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    from_[stream].reset();
    to.end(stream);
  }

  child_record& into_;
  detail::started_process started_;
  std::array<descriptor, 2> from_;  // stdout, stderr; empty: it has ended
  bool collected_ = false;
};

}  // namespace

void detail::check(const child_program& of) {
  const std::string name = of.name.empty() ? "child" : of.name;
  if (of.command.empty()) throw std::invalid_argument(name + ": command is empty; give a program and its arguments");
  check_environment(of.environment, name);
  const option_check in(name);
  in.number("told_by", of.told_by, 0, NSIG - 1);
  in.number("longest_line", of.longest_line, 1, 1 << 20);
  in.number("lines_per_second", of.lines_per_second, 1, 1000);
}

exit_status detail::run_child(const child_program& program, const context& with, const logger& log,
                              child_record& into) {
  const activity doing("runs", name_of(program));
  const descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (*wake < 0) throw std::system_error(errno, std::generic_category(), name_of(program) + ": no eventfd");
  const auto wakes = [&] { ::eventfd_write(*wake, 1); };
  running_child child(program, into);
  output lines(program, log, into);
  {
    const stop_callback drains(with.draining_token(), wakes);
    const stop_callback forces(with.forced_token(), wakes);
    bool told = false;
    bool killed = false;
    do {
      ::eventfd_t woken;
      ::eventfd_read(*wake, &woken);
      const bool drains_now = with.draining();  // first: a deadline that passes in between makes both true
      if (with.forced() && !std::exchange(killed, true)) {
        {
          const std::lock_guard held(into.mutex);
          into.killed = true;
        }
        child.kill_group();
      } else if (drains_now && !std::exchange(told, true) && program.told_by != 0) {
        child.tell(program.told_by);
        child.tell(SIGCONT);  // one that is stopped (SIGTSTP, SIGTTIN) gets no signal before this one
      }
    } while (!child.look(*wake, lines));
  }
  child.kill_group();
  if (!child.read_rest(with, lines))
    log.warning(name_of(program), "has ended, and something that it started holds its output, which is no longer read");
  return child.collect();
}

exit_status run_child(const child_program& program, const context& with, const logger& log) {
  detail::check(program);
  detail::child_record record;
  return detail::run_child(program, with, log, record);
}

}  // namespace lastcall::inline v0
