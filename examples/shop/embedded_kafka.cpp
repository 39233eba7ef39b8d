#include "embedded_kafka.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;

namespace shop {

namespace {

/// They hold its lock as long as they live, and nothing else does for more than a moment.
struct lock_file {
  explicit lock_file(const std::string& data)
      : fd(::open((data + "/kafka.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), data + "/kafka.lock");
  }
  ~lock_file() { ::close(fd); }
  lock_file& operator=(lock_file&&) = delete;
  bool try_lock() const { return ::flock(fd, LOCK_EX | LOCK_NB) == 0; }

  const int fd;
};

/// Until `done` is true. False: not within 30 s.
template <class F> bool wait_until(F done) {
  for (const auto end = std::chrono::steady_clock::now() + 30s; !done(); std::this_thread::sleep_for(10ms))
    if (std::chrono::steady_clock::now() > end) return false;
  return true;
}

/// What a line that begins so goes on with; empty: there is none yet.
std::string line_of(const std::string& file, const std::string& begin) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(begin) && !in.eof()) return line.substr(begin.size());
  return "";
}

/// Only what is safe between fork and exec.
[[noreturn]] void become(const char* program, int lock, int output) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::dup2(lock, 3);
  ::fcntl(3, F_SETFD, 0);  // no close-on-exec: the lock is theirs from here on
  ::close_range(4, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execl(program, program, "--topic", "orders:3", static_cast<char*>(nullptr));
  ::_exit(127);
}

}  // namespace

std::string embedded_kafka(const std::string& data) {
  const std::string log = data + "/kafka.log", pid_file = data + "/kafka.pid";
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").replace_filename("kafka_mock");
  if (::access(program.c_str(), X_OK) != 0) throw std::system_error(errno, std::generic_category(), program);
  const lock_file lock(data);
  if (lock.try_lock()) {  // none runs
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output < 0) throw std::system_error(errno, std::generic_category(), log);
    const pid_t child = ::fork();
    if (child == 0) become(program.c_str(), lock.fd, output);
    ::close(output);
    if (child < 0) throw std::system_error(errno, std::generic_category(), program);
    std::ofstream(pid_file) << child << '\n';
  }
  std::string brokers;
  if (!wait_until([&] { return !(brokers = line_of(log, "brokers ")).empty(); }))
    throw std::runtime_error("--kafka embedded: no brokers; " + log + " says why");
  return brokers;
}

bool stop_embedded_kafka(const std::string& data) {
  const lock_file lock(data);
  if (lock.try_lock()) return false;
  std::string pid;
  if (wait_until([&] { return !(pid = line_of(data + "/kafka.pid", "")).empty(); }))
    ::kill(static_cast<pid_t>(std::stol(pid)), SIGTERM);
  if (!wait_until([&lock] { return lock.try_lock(); }))
    throw std::runtime_error("--stop-kafka: process " + pid + " does not end");
  return true;
}

}  // namespace shop
