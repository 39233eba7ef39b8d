// A PostgreSQL of its own for a test: on a Unix socket in a folder of its own, gone with the test.
#pragma once

#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/testing/internal/child_process.hpp"

namespace service_tests {

using namespace std::chrono_literals;

/// As root it runs as the user postgres, since the server refuses to run as root.
class postgres_cluster {
 public:
  postgres_cluster() {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-pg-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    folder_ = name;
    if (geteuid() == 0) {
      std::filesystem::permissions(folder_, std::filesystem::perms::all);
      // Whoever changes his user loses the signal that he gets when his parent dies; SIGQUIT ends the server at once.
      as_ = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=QUIT"};
    }
    lastcall::testing::child_process init(
        command({bin() / "initdb", "-A", "trust", "--no-sync", "-U", "postgres", "-D", folder_ / "data"}));
    const auto ended = init.wait(lastcall::deadline(60s));
    if (!ended || ended->code != 0) throw std::runtime_error("initdb: " + init.errors());
    start();
  }
  ~postgres_cluster() {
    stop(SIGINT);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  postgres_cluster& operator=(postgres_cluster&&) = delete;

  /// Where the server's programs are. Empty: they are not installed.
  static std::filesystem::path bin() {
    std::vector<std::filesystem::path> found;
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
      if (std::filesystem::exists(version.path() / "bin/postgres")) found.push_back(version.path() / "bin");
    return found.empty() ? std::filesystem::path() : *std::ranges::max_element(found);
  }

  void start() {
    server_.emplace(command({bin() / "postgres", "-D", folder_ / "data", "-k", folder_, "-c", "listen_addresses=", "-c",
                             "fsync=off", "-c", "max_connections=120", "-c", "log_statement=none"}),
                    lastcall::testing::child_options{.output = lastcall::testing::stream_to::discard});
    for (const lastcall::deadline by(60s); PQping(conninfo().c_str()) != PQPING_OK;) {
      if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("no postgres: " + server_->errors());
      std::this_thread::sleep_for(10ms);
    }
  }
  /// SIGINT: at once, in order. SIGQUIT: as a crash.
  void stop(int signal) {
    if (!server_) return;
    server_->signal(SIGCONT);
    server_->signal(signal);
    if (!server_->wait(lastcall::deadline(30s))) server_->signal(SIGKILL);
    server_.reset();
  }
  /// Sends it to the postmaster and to each of its children: SIGSTOP, SIGCONT, SIGKILL.
  void signal_all(int number) {
    const std::vector<pid_t> children = children_of(server_->pid());
    server_->signal(number);  // first, so that it does not begin new ones
    for (const pid_t one : children) ::kill(one, number);
  }
  /// As a machine that loses power, but that its files are whole. Returns when nothing of it runs any more.
  void kill() {
    const std::vector<pid_t> children = children_of(server_->pid());
    signal_all(SIGKILL);
    server_->wait(lastcall::deadline(30s));
    server_.reset();
    // Whoever is their parent now reaps them.
    for (const pid_t one : children)
      for (const lastcall::deadline by(30s); ::kill(one, 0) == 0 && !is_zombie(one);)
        if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("a backend outlives SIGKILL");
  }

  std::string socket() const { return folder_ / ".s.PGSQL.5432"; }
  std::string conninfo() const { return "host=" + folder_.string() + " user=postgres dbname=postgres"; }

 private:
  static std::vector<pid_t> children_of(pid_t parent) {
    const std::string of = std::to_string(parent);
    std::ifstream list("/proc/" + of + "/task/" + of + "/children");
    return {std::istream_iterator<pid_t>(list), {}};
  }
  static bool is_zombie(pid_t of) {
    std::ifstream file("/proc/" + std::to_string(of) + "/stat");
    std::string text;
    std::getline(file, text);  // which throws nothing when the process goes meanwhile
    const std::size_t name_ends = text.rfind(')');
    return name_ends == text.npos || text.compare(name_ends, 3, ") Z") == 0;
  }

  std::vector<std::string> command(std::vector<std::string> of) const {
    of.insert(of.begin(), as_.begin(), as_.end());
    return of;
  }

  std::filesystem::path folder_;
  std::vector<std::string> as_;
  std::optional<lastcall::testing::child_process> server_;
};

}  // namespace service_tests
