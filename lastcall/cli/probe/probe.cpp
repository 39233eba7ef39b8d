#include "lastcall/cli/probe/probe.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "lastcall/cli/probe/probe_options.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/testing/internal/child_process.hpp"
#include "lastcall/testing/probe_report.hpp"

namespace lastcall::inline v0::cli {

namespace {

using testing::child_process;
using testing::server_address;

/// The measurement was not possible.
struct unmeasurable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Connects within 100 ms, and closes. The server sees that connection.
bool accepts(const server_address& server) {
  const int fd = ::socket(server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int error = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&server.address), server.length) != 0) error = errno;
  if (error == EINPROGRESS) {
    pollfd watched{fd, POLLOUT, 0};
    socklen_t size = sizeof error;
    if (::poll(&watched, 1, 100) == 1) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  ::close(fd);
  return error == 0;
}

/// Waits until the server accepts connections. Returns its address.
server_address find_server(const probe_command_line& line, child_process& child) {
  const deadline by(line.start_timeout);
  const auto ended = [&]() -> std::string {
    const auto status = child.wait(deadline(std::chrono::milliseconds(200)));
    return status ? "it ended (" + to_text(*status) + ")" : "it went on without it for " + to_text(line.start_timeout);
  };
  if (line.address.empty()) {
    constexpr std::string_view announcement = "listening on http://";
    const auto found = child.wait_for_line(announcement, by);
    if (!found)
      throw unmeasurable("'" + line.command[0] + "' did not say 'listening on http://ADDRESS:PORT' on stdout: " +
                         ended() + "; give --address http://HOST:PORT for a server that doesn't");
    const auto from = found->find(announcement) + announcement.size() - std::string_view("http://").size();
    return testing::parse_server_address(found->substr(from, found->find_first_of(" \t\r", from) - from));
  }
  const auto server = testing::parse_server_address(line.address);
  while (!accepts(server)) {
    pollfd exit{child.exit_descriptor(), POLLIN, 0};
    if (::poll(&exit, 1, 10) == 1 || by.passed(steady().now())) {
      throw unmeasurable("nothing accepts connections at " + line.address + ": " + ended());
    }
  }
  return server;
}

/// A process that we have not started, referred to by a pidfd. It is signalled, but never killed.
class foreign_process {
 public:
  explicit foreign_process(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    if (fd_ < 0) throw unmeasurable("--pid " + std::to_string(pid) + ": " + std::generic_category().message(errno));
  }
  ~foreign_process() { ::close(fd_); }
  foreign_process& operator=(foreign_process&&) = delete;
  int descriptor() const noexcept { return fd_; }
  void signal(int number) const {
    if (::syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0) != 0 && errno != ESRCH) {
      throw unmeasurable("the signal could not be sent: " + std::generic_category().message(errno));
    }
  }

 private:
  int fd_;
};

void write_json(const std::string& file, const std::string& json) {
  std::FILE* const to = file == "-" ? stdout : std::fopen(file.c_str(), "we");
  if (to == nullptr) throw unmeasurable("--json " + file + ": " + std::generic_category().message(errno));
  const bool written = std::fputs(json.c_str(), to) >= 0 && std::fflush(to) == 0;
  if (to != stdout) std::fclose(to);
  if (!written) throw unmeasurable("--json " + file + ": it could not be written");
}

testing::probe_report measure(const probe_command_line& line) {
  testing::probe_report report;
  report.signal = line.signal;
  report.signals = line.run.signals;
  report.seed = line.run.seed;
  report.allow_5xx = line.allow_5xx;
  testing::raise_descriptor_limit();
  if (line.pid != 0) {
    const foreign_process process(line.pid);
    const auto server = testing::parse_server_address(line.address);
    report.server = server.text;
    report.result = testing::run_probe(server, line.run,
                                       {.tell = [&] { process.signal(line.signal); }, .gone = process.descriptor()});
    return report;
  }
  child_process child(line.command, {.errors = testing::stream_to::inherit, .errors_file = line.server_stderr});
  const auto server = find_server(line, child);
  report.server = server.text;
  report.result = testing::run_probe(server, line.run,
                                     {.tell = [&] { child.signal(line.signal); },
                                      .kill = [&] { child.signal(SIGKILL); },
                                      .gone = child.exit_descriptor()});
  if (report.result.gone) report.server_exit = child.wait(deadline(std::chrono::seconds(1)));
  return report;
}

}  // namespace

int probe(const std::vector<std::string>& arguments) try {
  const auto line = read_probe_command_line(arguments);
  if (line.help) {
    std::fputs(line.help->c_str(), stdout);
    return 0;
  }
  const auto report = measure(line);
  const bool json_only = line.json == "-";
  if (!line.json.empty()) write_json(line.json, to_json(report));
  std::FILE* const people = json_only ? stderr : stdout;
  std::fprintf(people, "%s\n%s\n", to_table(report).c_str(), verdict_line(report).c_str());
  return exit_code(report);
} catch (const unmeasurable& error) {
  std::fprintf(stderr, "lastcall probe: could not measure: %s\n", error.what());
  return probe_codes::unmeasured;
} catch (const std::invalid_argument& error) {
  std::fprintf(stderr, "lastcall probe: %s\n", error.what());
  return exit_codes::usage;
} catch (const std::system_error& error) {
  std::fprintf(stderr, "lastcall probe: could not measure: %s\n", error.what());
  return probe_codes::unmeasured;
}

}  // namespace lastcall::inline v0::cli
