// What every process test does: start the testbed, load and signal it (on loopback or over the lab's wire), and read
// what client and server say about it. Knows no test; the loads are the exact client's.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/testing.hpp"
#include "lastcall/testing/internal/child_process.hpp"
#include "lastcall/testing/probe_report.hpp"
#include "tests/process/document.hpp"

namespace process_tests {

using lastcall::deadline;
using lastcall::duration;
using lastcall::testing::child_process;
using lastcall::testing::exit_status;
using namespace std::chrono_literals;

/// A program of the same build as the test: from $LASTCALL_BIN, or beside the test itself.
inline std::string program(const std::string& name) {
  if (const char* bin = std::getenv("LASTCALL_BIN")) return std::string(bin) + "/" + name;
  return std::filesystem::read_symlink("/proc/self/exe").replace_filename(name);
}

inline bool long_run() { return std::getenv("LASTCALL_LONG") != nullptr; }
/// Everything takes several times as long then: no verdict hangs on how long.
inline const bool sanitized = std::getenv("LASTCALL_SANITIZED") != nullptr;
/// How often a measure is repeated.
inline int runs(int in_full, int briefly = 1) { return long_run() ? in_full : briefly; }

/// A folder of one's own that goes away with everything in it.
class scratch_folder {
 public:
  scratch_folder() {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    path_ = name;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The testbed, serving from the constructor on, on a free port of loopback unless the arguments say otherwise.
class testbed {
 public:
  /// `through`: a command that ends by running its last arguments.
  explicit testbed(const std::vector<std::string>& arguments = {}, lastcall::testing::child_options options = {},
                   std::vector<std::string> through = {})
      : process(argv(arguments, scratch_.file("report.json"), std::move(through)), std::move(options)) {
    const auto line = process.wait_for_line("listening on ", deadline(30s));
    if (!line) {
      const auto status = process.wait(deadline(5s));  // and all that it said
      throw std::runtime_error("the testbed did not start, " +
                               (status ? lastcall::testing::to_text(*status) : "but runs") + ": " + process.errors());
    }
    url_ = line->substr(std::string("listening on ").size());
  }

  /// The first listener's, as `http://127.0.0.1:PORT`; another host of the same port with `host`.
  std::string url(const std::string& host = "") const {
    return host.empty() ? url_ : "http://" + host + url_.substr(url_.rfind(':'));
  }
  /// Empty if it did not end within `by`.
  std::optional<exit_status> wait(deadline by = deadline(30s)) { return process.wait(by); }
  /// Empty before the exit.
  document report() const { return document::from_file(scratch_.file("report.json")); }

  static std::vector<std::string> argv(const std::vector<std::string>& arguments, const std::string& report,
                                       std::vector<std::string> all = {}) {
    all.insert(all.end(), {program("testbed"), "--report", report});
    const auto given = [&](const char* option) {
      return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
    };
    if (!given("--port")) all.insert(all.end(), {"--port", "0"});
    if (!given("--log")) all.insert(all.end(), {"--log", "warning"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

 private:
  scratch_folder scratch_;
  std::string url_;

 public:
  child_process process;
};

/// One server under load, told to stop in the middle of it.
struct measurement {
  std::vector<std::string> server = {};          // arguments of the testbed
  std::vector<std::string> loads = {"busy:64"};  // as `lastcall probe --load` takes them
  std::string to = {};                           // another host ("[::1]"), or "unix:PATH"; empty: what it says itself
  duration after = 500ms;                        // from the begin of the load to the signal
  int signal = SIGTERM;
  unsigned signals = 1;
  duration spacing = 10ms;
  duration timeout = 30s;
  std::uint64_t seed = 1;
  duration one_way = {};  // over the lab's wire with this delay each way; zero: loopback
};

/// What came of it: the client's words and the server's.
struct measured {
  document client = {};                  // as `lastcall probe --json`: docs/probe.md
  document report = {};                  // the server's; empty if it left none
  std::optional<exit_status> exit = {};  // of the server; empty if it had to be killed
  std::string table = {};                // for people
  std::string skipped = {};              // not empty: this machine cannot run it, and why

  /// Of the client's total.
  double total(const std::string& count) const { return client.number("total." + count); }
};

inline measured measure_on_loopback(const measurement& m) {
  using namespace lastcall::testing;
  raise_descriptor_limit();
  probe_options options{
      .after = m.after, .timeout = m.timeout, .signals = m.signals, .spacing = m.spacing, .seed = m.seed};
  for (const auto& load : m.loads) options.loads.push_back(parse_load(load));
  testbed server(m.server);
  const bool is_unix = m.to.rfind("unix:", 0) == 0;
  const auto where = parse_server_address(is_unix ? m.to : server.url(m.to));
  probe_report report{.server = where.text, .signal = m.signal, .signals = m.signals, .seed = m.seed};
  report.result = run_probe(where, options,
                            {.tell = [&] { server.process.signal(m.signal); },
                             .kill = [&] { server.process.signal(SIGKILL); },
                             .gone = server.process.exit_descriptor()});
  report.server_exit = server.wait(deadline(5s));
  return {.client = document(to_json(report)),
          .report = server.report(),
          .exit = report.server_exit,
          .table = to_table(report) + verdict_line(report) + "\n" + server.process.errors()};
}

inline measured measure_over_lab(const measurement& m) {
  const scratch_folder scratch;
  const auto words = [](const std::vector<std::string>& all) {
    std::string line;
    for (const auto& word : all) line += "'" + word + "' ";
    return line;
  };
  auto arguments = m.server;
  arguments.insert(arguments.end(), {"--address", "10.77.0.1"});
  std::vector<std::string> client{program("lastcall"), "probe", "--json", scratch.file("client.json")};
  for (const auto& load : m.loads) client.insert(client.end(), {"--load", load});
  client.insert(client.end(), {"--after", lastcall::to_text(m.after), "--timeout", lastcall::to_text(m.timeout),
                               "--seed", std::to_string(m.seed), "--signal", std::to_string(m.signal), "--signals",
                               std::to_string(m.signals) + "," + lastcall::to_text(m.spacing)});
  child_process lab({program("net_lab"), "--delay", lastcall::to_text(m.one_way), "--timeout",
                     lastcall::to_text(m.after + m.timeout + 30s), "--server",
                     words(testbed::argv(arguments, scratch.file("report.json"))), "--client",
                     words(client) + "--pid $LAB_SERVER_PID --address $LAB_ADDRESS"});
  const auto ended = lab.wait(deadline(m.after + m.timeout + 60s));
  measured result{.table = lab.output() + lab.errors()};
  if (ended && ended->code == 77) {
    result.skipped = lab.errors();
    return result;
  }
  result.client = document::from_file(scratch.file("client.json"));
  result.report = document::from_file(scratch.file("report.json"));
  if (!ended || ended->code == 5 || !result.client)
    throw std::runtime_error("the lab could not measure: " + result.table);
  if (result.report) result.exit = exit_status{.code = static_cast<int>(result.report.number("exit_code"))};
  return result;
}

/// Starts, loads, signals, waits and counts.   Blocks: at most after + timeout + a minute.
/// Errors: std::runtime_error when it could not be measured.
inline measured measure(const measurement& m) {
  return m.one_way == duration::zero() ? measure_on_loopback(m) : measure_over_lab(m);
}

/// The middle one, of an odd number.
inline double median(std::vector<double> values) {
  if (values.empty()) throw std::invalid_argument("the median of nothing");
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace process_tests
