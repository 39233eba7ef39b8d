#include "lastcall/testing/program.hpp"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "lastcall/core/duration.hpp"
#include "lastcall/testing/internal/read_report.hpp"
#include "lastcall/testing/probe_report.hpp"

namespace lastcall::inline v0::testing {

using lastcall::to_text;

namespace {

using namespace std::chrono_literals;

// The longest time from the end of the clients until the process is reaped.
constexpr duration to_be_reaped = 5s;

/// Waits for the descriptor, at most for this time.
bool readable(int fd, duration within) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(within).count();
  return ::poll(&watched, 1, static_cast<int>(ms)) > 0;
}

bool somebody_listens(const server_address& at) {
  const int fd = ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "program: no socket");
  bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&at.address), at.length) == 0;
  pollfd watched{.fd = fd, .events = POLLOUT, .revents = 0};
  if (!connected && errno == EINPROGRESS && ::poll(&watched, 1, 1000) == 1) {
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    connected = error == 0;
  }
  ::close(fd);
  return connected;
}

std::string address_in(const std::string& line) {
  for (const char* scheme : {"http://", "unix:"}) {
    const auto at = line.find(scheme);
    if (at != line.npos) return line.substr(at, line.find_first_of(" \t", at) - at);
  }
  return {};
}

std::uint64_t counted(const std::optional<probe_result>& clients, verdict v) {
  return clients ? clients->total().count(v) : 0;
}

}  // namespace

std::uint64_t program_end::answered() const { return counted(clients, verdict::answered); }
std::uint64_t program_end::lost() const { return clients ? clients->total().lost() : 0; }
std::uint64_t program_end::late() const { return counted(clients, verdict::late); }
std::uint64_t program_end::refused_before_signal() const { return counted(clients, verdict::refused_before); }
std::uint64_t program_end::refused_after_signal() const { return counted(clients, verdict::refused_after); }

bool program_end::nothing_lost() const {
  return exit == exit_status{.code = 0} && lost() + late() + refused_before_signal() == 0 &&
         (!clients || clients->fault.empty());
}

std::string to_text(const program_end& end) {
  std::string all = (end.exit ? to_text(*end.exit) : std::string("not gone in time, and killed")) + " after " +
                    to_text(std::chrono::floor<std::chrono::milliseconds>(end.took)) + "\n";
  if (end.report) all += to_text(*end.report);
  if (end.clients) {
    const probe_report seen{.result = *end.clients, .server_exit = end.exit};
    all += to_table(seen) + verdict_line(seen) + "\n";
  }
  if (!end.output.empty()) all += "stdout:\n" + end.output;
  if (!end.errors.empty()) all += "stderr:\n" + end.errors;
  return all;
}

struct program::state {
  /// A temporary folder; the destructor removes it with its files.
  struct folder {
    folder() : path(std::filesystem::temp_directory_path() / "lastcall-program-XXXXXX") {
      if (::mkdtemp(path.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "program: no folder " + path);
    }
    ~folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::string path;
  };

  state(const std::vector<std::string>& command, program_options chosen)
      : options(std::move(chosen)), process(command, child()) {}

  child_options child() const {
    child_options all{.environment = options.environment, .output = options.output, .errors = options.errors};
    all.environment.push_back("LASTCALL_REPORT=" + report_file);
    return all;
  }

  std::string name_and_errors(const std::string& what) const { return "program: it " + what + ": " + process.errors(); }

  /// For a process that ends: its last output may not have been read yet.
  std::string last_words(const std::string& what) {
    process.wait(deadline(to_be_reaped));
    return name_and_errors(what);
  }

  std::string wait_for_ready_line() {
    const deadline by(options.patience);
    if (auto line = process.wait_for_line(options.ready_line, by)) return *std::move(line);
    const std::string what = "never said \"" + options.ready_line + "\"";
    throw std::runtime_error(by.passed(steady().now()) ? name_and_errors(what) : last_words(what));
  }

  void wait_for_address() {
    const server_address at = parse_server_address(options.ready_at);
    for (const deadline by(options.patience); !somebody_listens(at);) {
      if (by.passed(steady().now())) throw std::runtime_error(name_and_errors("did not listen at " + options.ready_at));
      if (readable(process.exit_descriptor(), 5ms)) throw std::runtime_error(last_words("ended before it listened"));
    }
  }

  program_end collect(deadline by) {
    const time_point from = signalled.value_or(steady().now());
    program_end result;
    if (readable(process.exit_descriptor(), by.remaining(steady().now()))) {
      result.took = steady().now() - from;
      result.exit = process.wait(deadline(to_be_reaped));
    } else {
      result.took = steady().now() - from;
      process.signal(SIGKILL);
      process.wait(deadline(to_be_reaped));
    }
    return read(std::move(result));
  }

  program_end read(program_end result) {
    result.output = process.output();
    result.errors = process.errors();
    std::ifstream file(report_file);
    result.report_text.assign(std::istreambuf_iterator<char>(file), {});
    try {
      if (!result.report_text.empty()) result.report = read_report(result.report_text);
    } catch (const std::invalid_argument&) {
      // It cannot be parsed; report_text has it.
    }
    return result;
  }

  const program_options options;
  const folder scratch;
  const std::string report_file = scratch.path + "/report.json";
  std::optional<std::string> ready;  // the line that said so
  std::optional<time_point> signalled;
  child_process process;
};

program::program(const std::vector<std::string>& command, program_options options)
    : state_(std::make_unique<state>(command, std::move(options))) {}
program::~program() = default;

std::string program::wait_until_ready() {
  state& s = *state_;
  if (s.ready) return *s.ready;
  std::string line = s.options.ready_line.empty() ? std::string() : s.wait_for_ready_line();
  if (!s.options.ready_at.empty()) s.wait_for_address();
  return s.ready.emplace(std::move(line));
}

std::string program::url() {
  const std::string said = address_in(wait_until_ready());
  return said.empty() ? state_->options.ready_at : said;
}

bool program::catches(int signal) const {
  std::ifstream status("/proc/" + std::to_string(state_->process.pid()) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigCgt:")) return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
  return false;
}

bool program::wait_until_it_catches(int signal, deadline by) const {
  while (!catches(signal)) {
    if (by.passed(steady().now()) || !state_->process.running()) return false;
    std::this_thread::yield();
  }
  return true;
}

void program::let_run_for(duration time) const {
  const time_point end = lastcall::detail::later(steady().now(), time);
  if (time > 3ms && readable(state_->process.exit_descriptor(), time - 2ms)) return;
  while (steady().now() < end) std::this_thread::yield();
}

bool program::signal(int number) {
  const time_point now = steady().now();
  if (!state_->process.signal(number)) return false;
  if (!state_->signalled) state_->signalled = now;
  return true;
}

program_end program::stop(int number, deadline by) {
  signal(number);
  return end(by);
}

program_end program::end(deadline by) { return state_->collect(by); }

program_end program::stop_under_load(load_and_stop how) {
  state& s = *state_;
  raise_descriptor_limit();
  probe_options options{
      .after = how.after, .timeout = how.timeout, .signals = how.signals, .spacing = how.spacing, .seed = how.seed};
  for (const std::string& load : how.loads) options.loads.push_back(parse_load(load));
  wait_until_ready();
  const std::string to = how.to.empty() ? url() : how.to;
  if (to.empty()) throw std::invalid_argument("program: where is it to be loaded? Say ready_line, ready_at or `to`");
  const auto tell = [&] {
    if (how.at_signal) how.at_signal();
    signal(how.signal);
  };
  probe_result seen =
      run_probe(parse_server_address(to), options,
                {.tell = tell, .kill = [&] { s.process.signal(SIGKILL); }, .gone = s.process.exit_descriptor()});
  program_end result = s.collect(deadline(to_be_reaped));
  if (seen.exit) result.took = *seen.exit;
  if (seen.killed) result.exit.reset();
  result.clients = std::move(seen);
  return result;
}

child_process& program::process() noexcept { return state_->process; }
const std::string& program::report_file() const noexcept { return state_->report_file; }

}  // namespace lastcall::inline v0::testing
