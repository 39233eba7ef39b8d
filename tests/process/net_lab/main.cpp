// net_lab: runs a server and a client program at the two ends of a wire with delay, on packet level. Root only.
// A relay in user space would end the client's handshake itself; here the handshake, the FIN and the reset travel.

#include <signal.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/testing/internal/child_process.hpp"
#include "tests/process/net_lab/link.hpp"
#include "tests/process/net_lab/side.hpp"

namespace {

using lastcall::deadline;
using lastcall::duration;
using lastcall::testing::child_process;
using lastcall::testing::exit_status;
using lastcall::testing::stream_to;
using namespace std::chrono_literals;

enum exit_code { usage = 2, server_wrong = 4, not_measured = 5, skipped = 77 };

struct lab_options {
  std::string server;
  std::string client;
  std::string ready = "listening on ";
  std::string delay = "20ms";
  std::string timeout = "60s";
  double loss_percent = 0;
  std::uint64_t seed = 1;
  int server_exit = 0;
};

// The shell replaces itself by the command, so that the pid is the command's own.
child_process start(const std::string& command, lastcall::testing::child_options options) {
  return child_process({"/bin/sh", "-c", "exec " + command}, std::move(options));
}

// "listening on http://10.77.0.1:8080, …" → "http://10.77.0.1:8080"
std::string address_in(const std::string& line, const std::string& ready) {
  const auto begin = line.find(ready) + ready.size();
  return line.substr(begin, line.find_first_of(" \t,", begin) - begin);
}

std::vector<std::string> environment_for_client(const child_process& server, const std::string& address) {
  const auto colon = address.rfind(':');
  return {"LAB_SERVER_PID=" + std::to_string(server.pid()), "LAB_ADDRESS=" + address,
          "LAB_PORT=" + (colon == std::string::npos ? "" : address.substr(colon + 1))};
}

// Prints what the wire has done. True: it has dropped nothing but what it was told to drop.
bool report_wire(const net_lab::side& server, const net_lab::side& client, net_lab::link& wire) {
  const auto counts = wire.stop();
  const char* names[] = {"server to client", "client to server"};
  std::uint64_t unwanted = 0;
  for (int i = 0; i < 2; ++i) {
    const auto& count = counts[static_cast<std::size_t>(i)];
    std::fprintf(stderr, "net_lab: %s: %ju frames, at most %ju on the way, latest %.2f ms, %ju lost on purpose\n",
                 names[i], static_cast<std::uintmax_t>(count.carried), static_cast<std::uintmax_t>(count.peak),
                 std::chrono::duration<double, std::milli>(count.latest).count(),
                 static_cast<std::uintmax_t>(count.lost));
    unwanted += count.overflowed + count.refused;
  }
  unwanted += server.dropped() + client.dropped();
  std::fprintf(stderr,
               "net_lab: the server's kernel: %ju resets sent, %ju handshakes dropped by listeners, %ju SYN cookies\n",
               static_cast<std::uintmax_t>(server.counter("Tcp", "OutRsts")),
               static_cast<std::uintmax_t>(server.counter("TcpExt", "ListenDrops")),
               static_cast<std::uintmax_t>(server.counter("TcpExt", "SyncookiesSent")));
  if (unwanted == 0) return true;
  std::fprintf(stderr, "net_lab: dropped %ju frames that nobody asked to drop: this run measured the lab\n",
               static_cast<std::uintmax_t>(unwanted));
  return false;
}

int run(const lab_options& options, duration delay, duration timeout) {
  std::optional<net_lab::side> server_side;
  std::optional<net_lab::side> client_side;
  try {
    server_side.emplace(net_lab::server_address);
    client_side.emplace(net_lab::client_address);
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    if (code != EPERM && code != EACCES && code != ENOENT) throw;
    std::fprintf(stderr, "skipped: %s; run as root with /dev/net/tun\n", error.what());
    return skipped;
  }
  net_lab::link wire(server_side->frames(), client_side->frames(),
                     {.delay = delay, .loss = options.loss_percent / 100, .seed = options.seed});
  const deadline by(timeout);

  server_side->enter();
  child_process server = start(options.server, {.errors = stream_to::inherit});
  const auto line = server.wait_for_line(options.ready, by);
  if (!line) {
    std::fprintf(stderr, "net_lab: the server did not print a line with \"%s\"\n", options.ready.c_str());
    return not_measured;
  }
  client_side->enter();
  child_process client =
      start(options.client, {.environment = environment_for_client(server, address_in(*line, options.ready)),
                             .output = stream_to::inherit,
                             .errors = stream_to::inherit});
  const auto client_exit = client.wait(by);
  if (!client_exit) {
    std::fprintf(stderr, "net_lab: the client was still running after %s and was killed\n", options.timeout.c_str());
    return not_measured;
  }
  if (server.running() && server.signal(SIGTERM))
    std::fprintf(stderr, "net_lab: the server outlived the client: SIGTERM\n");
  const auto server_exit = server.wait(by);
  const bool sound = report_wire(*server_side, *client_side, wire);
  std::fprintf(stderr, "net_lab: client %s, server %s\n", to_text(*client_exit).c_str(),
               server_exit ? to_text(*server_exit).c_str() : "still running, killed");
  if (!server_exit) return not_measured;
  if (*client_exit != exit_status{.code = 0})
    return client_exit->signal ? 128 + client_exit->signal : client_exit->code;
  if (*server_exit != exit_status{.code = options.server_exit}) {
    std::fprintf(stderr, "net_lab: the server should have ended with exit %d; its output:\n%s", options.server_exit,
                 server.output().c_str());
    return server_wrong;
  }
  return sound ? 0 : not_measured;
}

}  // namespace

int main(int argc, char** argv) {
  lab_options options;
  CLI::App app(
      "Runs --server at 10.77.0.1 and --client at 10.77.0.2, joined by a wire with delay and loss. The client finds "
      "LAB_SERVER_PID, LAB_ADDRESS and LAB_PORT in its environment and can signal the server.\n"
      "Exit: the client's; 4 the server ended differently than --server-exit says; 5 could not measure; 77 not root.");
  app.add_option("--server", options.server, "One shell command; it must print a line with --ready")->required();
  app.add_option("--client", options.client, "One shell command, as 'lastcall probe --pid $LAB_SERVER_PID …'")
      ->required();
  app.add_option("--ready", options.ready, "What the server says when it serves, before its address")
      ->capture_default_str();
  app.add_option("--delay", options.delay, "One way: half of the round trip")->capture_default_str();
  app.add_option("--loss", options.loss_percent, "Per cent of the frames")->check(CLI::Range(0.0, 100.0));
  app.add_option("--seed", options.seed, "Of the loss")->capture_default_str();
  app.add_option("--server-exit", options.server_exit, "What the server should end with")->capture_default_str();
  app.add_option("--timeout", options.timeout, "For everything; then both are killed")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage;
  }
  const auto delay = lastcall::parse_duration(options.delay);
  const auto timeout = lastcall::parse_duration(options.timeout);
  if (!delay || !timeout || *delay > 10s || *timeout > 24h) {
    std::fprintf(stderr, "net_lab: --delay %s or --timeout %s is not a duration such as 20ms or 2m\n",
                 options.delay.c_str(), options.timeout.c_str());
    return usage;
  }
  try {
    return run(options, *delay, *timeout);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "net_lab: %s\n", error.what());
    return not_measured;
  }
}
