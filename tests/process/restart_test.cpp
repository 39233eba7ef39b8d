// Restarts without a gap: the next process serves while the one before drains, on one port. Clients are neither lost
// nor refused, over many restarts under load; and what SO_REUSEPORT alone would lose.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <future>
#include <latch>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/listen.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using namespace lastcall::testing;
using process_tests::program;  // rather than testing::program
using process_tests::testbed;

using words = std::vector<std::string>;

words with(words all, const words& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string port_of(const testbed& server) { return server.url().substr(server.url().rfind(':') + 1); }

const words every_load{"busy:8", "fresh:8", "fresh,rate=200", "race:50,min=50ms,max=200ms"};

probe_options loading(std::uint64_t seed) {
  probe_options how{.after = 300ms + seed * 37 % 100 * 1ms, .timeout = 60s, .seed = seed};
  for (const auto& each : every_load) how.loads.push_back(parse_load(each));
  return how;
}

/// How the HTTP server's listener was closed.
std::string listener_close(const document& report) {
  for (std::size_t i = 0; i < report.size("components"); ++i) {
    const std::string one = "components." + std::to_string(i);
    if (report.text(one + ".name") == "http") return report.text(one + ".fields.listener_close");
  }
  return {};
}

/// What clients and servers have counted so far.
struct sums {
  request_counts clients;
  double answered = 0;  // by the servers

  void add(testbed& ended) {
    const auto exit = ended.wait(deadline(60s));
    EXPECT_EQ(exit, exit_status{.code = 0}) << ended.process.errors();
    EXPECT_EQ(ended.report().text("result"), "drained") << ended.process.errors();
    EXPECT_EQ(ended.report().number("connections.forced"), 0);
    expect_ledgers_add_up(ended.report());
    answered += ended.report().number("requests.answered");
  }
  void add(const probe_result& load) {
    EXPECT_EQ(load.fault, "");
    for (const load_result& each : load.loads) EXPECT_EQ(each.unexpected, 0u) << each.first_fault;
    clients += load.total();
  }
  std::uint64_t turned_away() const {
    std::uint64_t all = 0;
    for (const verdict each :
         {verdict::refused_before, verdict::refused_after, verdict::connect_failed, verdict::own_limit})
      all += clients.count(each);
    return all;
  }
};

/// Each restart is under load from before the new process starts until a second after the old one has gone.
void expect_no_gap(const std::string& what, words options, const std::string& at = {}) {
  raise_descriptor_limit();
  // Clients that were not run for a second must not be late: they come back within 200 ms, so it costs nothing.
  options = with(options, {"--silence", "5s"});
  const int times = runs(50, 5);
  auto now = std::make_unique<testbed>(options);
  const words next = with(options, {"--port", port_of(*now)});
  const server_address to = parse_server_address(at.empty() ? now->url() : at);
  sums all;
  for (int i = 0; i < times && !testing::Test::HasFailure(); ++i) {
    std::latch serves(1);
    auto load = std::async(std::launch::async, [&, old = now.get()] {
      return run_probe(to, loading(static_cast<std::uint64_t>(i) + 1),
                       {.tell =
                            [&] {
                              serves.wait();
                              old->process.signal(SIGTERM);
                            },
                        .kill = [&] { old->process.signal(SIGKILL); },
                        .gone = old->process.exit_descriptor()});
    });
    // On this thread, with which the kernel ends them.
    std::unique_ptr<testbed> after;
    try {
      after = std::make_unique<testbed>(next);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    serves.count_down();
    all.add(load.get());
    all.add(*now);
    if (after) now = std::move(after);
  }
  now->process.signal(SIGTERM);
  all.add(*now);
  std::ostringstream line;
  line << what << ": " << times << " restarts, " << all.clients.begun() << " requests, "
       << all.clients.count(verdict::answered) << " answered, " << all.clients.lost() << " lost, "
       << all.clients.count(verdict::late) << " late, " << all.turned_away() << " refused";
  std::puts(line.str().c_str());
  EXPECT_EQ(all.clients.lost(), 0u) << line.str();
  EXPECT_EQ(all.clients.count(verdict::late), 0u) << line.str();
  EXPECT_EQ(all.turned_away(), 0u) << line.str();
  EXPECT_EQ(static_cast<double>(all.clients.count(verdict::answered)), all.answered) << "clients and servers disagree";
  EXPECT_GT(all.answered, sanitized ? 50 : 300) << "no load to speak of";
}

TEST(restart, under_load_loses_and_refuses_nobody) { expect_no_gap("one socket", {"--overlap"}); }

TEST(restart, under_load_loses_and_refuses_nobody_with_a_listener_for_each_thread) {
  expect_no_gap("a socket for each thread", {"--overlap", "--listener-per-thread", "--threads", "3"});
}

TEST(restart, under_load_loses_and_refuses_nobody_of_a_unix_domain_socket) {
  const scratch_folder scratch;
  const std::string name = "lastcall-restart-" + std::to_string(::getpid());
  for (const std::string& path : {scratch.file("socket"), "@" + name})
    expect_no_gap("at " + path, {"--overlap", "--unix", path}, "unix:" + path);
}

/// As systemd does it: the old one ends first, and the socket is the owner's.
TEST(restart, of_a_service_whose_socket_is_systemds_makes_clients_wait_and_loses_nobody) {
  raise_descriptor_limit();
  const lastcall::net::unique_fd socket(::socket(AF_INET, SOCK_STREAM, 0));  // the child gets it
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(socket.get(), 4096), 0);
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  const words systemd{"/bin/bash", "-c",
                      "exec 3<&$0; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=shop.socket; exec \"$@\"",
                      std::to_string(socket.get())};
  const auto started = [&] {
    return std::make_unique<testbed>(words{"--activated", "http", "--silence", "5s"}, child_options{}, systemd);
  };
  const int times = runs(50, 3);
  auto now = started();
  const server_address to = parse_server_address("http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)));
  sums all;
  for (int i = 0; i < times && !testing::Test::HasFailure(); ++i) {
    auto load = std::async(std::launch::async, [&, pid = now->process.pid(), gone = now->process.exit_descriptor()] {
      return run_probe(to, loading(static_cast<std::uint64_t>(i) + 1),
                       {.tell = [&] { ::kill(pid, SIGTERM); }, .kill = [&] { ::kill(pid, SIGKILL); }, .gone = gone});
    });
    EXPECT_EQ(now->wait(deadline(60s)), exit_status{.code = 0}) << now->process.errors();
    auto after = started();
    all.add(load.get());
    all.add(*now);
    EXPECT_EQ(listener_close(now->report()), "leave");
    now = std::move(after);
  }
  now->process.signal(SIGTERM);
  all.add(*now);
  std::printf("systemd's socket: %d restarts, %ju requests, %ju lost, %ju refused\n", times,
              static_cast<std::uintmax_t>(all.clients.begun()), static_cast<std::uintmax_t>(all.clients.lost()),
              static_cast<std::uintmax_t>(all.turned_away()));
  EXPECT_EQ(all.clients.lost(), 0u);
  EXPECT_EQ(all.turned_away(), 0u);
  EXPECT_EQ(static_cast<double>(all.clients.count(verdict::answered) + all.clients.count(verdict::late)), all.answered)
      << "clients and servers disagree";
}

/// It does not run any more. Source: proc(5).
bool stops(const child_process& it) {
  it.signal(SIGSTOP);
  for (const deadline by(30s); !by.passed(std::chrono::steady_clock::now()); std::this_thread::yield()) {
    std::ifstream stat("/proc/" + std::to_string(it.pid()) + "/stat");
    std::string line;
    std::getline(stat, line);
    const auto name_end = line.rfind(')');
    if (name_end != line.npos && line.compare(name_end, 3, ") T") == 0) return true;
  }
  return false;
}

/// Both stand still while 64 clients connect and send. The first is killed, and the second goes on. Returns how many
/// clients got no answer.
int lost_with_the_first(const words& options) {
  testbed first(options);
  testbed second(with(options, {"--port", port_of(first)}));
  EXPECT_TRUE(stops(first.process) && stops(second.process));
  std::vector<raw_client> clients;
  for (int i = 0; i < 64; ++i)
    clients.emplace_back(parse_server_address(first.url()), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  first.process.signal(SIGKILL);
  EXPECT_TRUE(first.wait());
  second.process.signal(SIGCONT);
  int lost = 0;
  for (raw_client& each : clients) lost += each.read_to_end().status_line() == "HTTP/1.1 200 OK" ? 0 : 1;
  clients.clear();
  second.process.signal(SIGTERM);
  EXPECT_EQ(second.wait(), exit_status{.code = 0}) << second.process.errors();
  return lost;
}

TEST(restart, keeps_what_waits_even_if_the_former_process_is_killed) {
  EXPECT_EQ(lost_with_the_first({"--overlap"}), 0);
  EXPECT_EQ(lost_with_the_first({"--overlap", "--listener-per-thread"}), 0);
}

/// By construction: each has a queue of its own, and the kernel has put about half of the clients into the first's.
TEST(restart, would_lose_them_with_so_reuseport_alone) {
  const int lost = lost_with_the_first({"--successor"});
  std::printf("SO_REUSEPORT without overlap: %d of 64 lost\n", lost);
  EXPECT_GT(lost, 0);
}

TEST(restart, needs_the_option_in_both_programs) {
  const auto says = [](const words& first, const words& second) {
    const testbed serves(first);
    const scratch_folder scratch;
    child_process other(testbed::argv(with(second, {"--port", port_of(serves)}), scratch.file("report.json")));
    const auto exit = other.wait(deadline(60s));
    return (exit ? to_text(*exit) : "no exit") + ": " + other.errors();
  };
  EXPECT_NE(says({"--overlap"}, {}).find("another socket listens there; stop its process"), std::string::npos);
  EXPECT_NE(says({}, {"--overlap"}).find("a process without overlap listens there"), std::string::npos);
}

TEST(restart, is_told_in_the_logs_of_both_processes_and_in_the_report) {
  testbed first({"--overlap", "--log", "info"});
  testbed second({"--overlap", "--log", "info", "--port", port_of(first)});
  EXPECT_TRUE(second.process.wait_for_error_line("of the process before", deadline(30s)));
  first.process.signal(SIGTERM);
  EXPECT_TRUE(
      first.process.wait_for_error_line("accepts no more; another process goes on with the socket", deadline(30s)));
  EXPECT_EQ(first.wait(), exit_status{.code = 0});
  EXPECT_EQ(listener_close(first.report()), "leave");
  EXPECT_EQ(first.process.errors().find("of the process before"), std::string::npos);
  second.process.signal(SIGTERM);
  EXPECT_EQ(second.wait(), exit_status{.code = 0});
  EXPECT_EQ(second.process.errors().find("accepts no more"), std::string::npos);
}

/// Both are told at once, as when their common group gets the signal: the last to leave empties the queue.
TEST(restart, of_which_both_are_told_to_stop_at_once_loses_nothing) {
  for (int again = 0; again < runs(20, 3); ++again) {
    testbed first({"--overlap", "--silence", "5s"});
    testbed second({"--overlap", "--silence", "5s", "--port", port_of(first)});
    const probe_result result = run_probe(parse_server_address(first.url()), loading(1),
                                          {.tell =
                                               [&] {
                                                 first.process.signal(SIGTERM);
                                                 second.process.signal(SIGTERM);
                                               },
                                           .kill =
                                               [&] {
                                                 first.process.signal(SIGKILL);
                                                 second.process.signal(SIGKILL);
                                               },
                                           .gone = second.process.exit_descriptor()});
    sums all;
    all.add(result);
    all.add(first);
    all.add(second);
    EXPECT_EQ(all.clients.lost(), 0u);
    EXPECT_EQ(all.clients.count(verdict::late), 0u);
    EXPECT_EQ(static_cast<double>(all.clients.count(verdict::answered)), all.answered)
        << "clients and servers disagree";
    EXPECT_GT(all.answered, 0);
    EXPECT_EQ((first.process.errors() + second.process.errors()).find("the listener is lost"), std::string::npos);
  }
}

/// Another process has the door of the address, and does not answer.
TEST(restart, told_to_stop_while_it_waits_for_another_process_is_gone_at_once) {
  const int door = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const std::string path = "@lastcall-silent-" + std::to_string(::getpid());
  const std::string name = "lastcall/unix:" + path;
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  name.copy(at.sun_path + 1, sizeof at.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(door, reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(door, 1), 0);
  EXPECT_TRUE(lastcall::median_says([&] {
    const scratch_folder scratch;
    child_process waits(testbed::argv({"--overlap", "--unix", path}, scratch.file("report.json")));
    pollfd asked{.fd = door, .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&asked, 1, 60'000), 1);
    const auto told = std::chrono::steady_clock::now();
    waits.signal(SIGTERM);
    EXPECT_EQ(waits.wait(deadline(60s)), exit_status{.code = 0}) << waits.errors();
    const auto took = std::chrono::steady_clock::now() - told;
    ::close(::accept(door, nullptr, nullptr));
    return took < 2s;  // it would wait for 5 s
  }));
  ::close(door);
}

}  // namespace
