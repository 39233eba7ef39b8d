// Clients of examples/31_grpc, which go on until the server has gone. Each has a connection of its own; `fresh` ones
// make one for each call. For each call that failed there is a line "failed NAME CODE MESSAGE", at the end "answered
// N", and "connected N", of all in this network namespace.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "greeter.grpc.pb.h"

using namespace std::chrono_literals;
using lastcall::example::Greeter;
using lastcall::example::HelloReply;
using lastcall::example::HelloRequest;
using lastcall::example::Tick;
using lastcall::example::TicksRequest;

namespace {

struct load {
  std::string to;
  std::string kind = "unary";
  int threads = 8;
  std::atomic<std::uint64_t> answered = 0;
  std::mutex mutex;  // of stdout

  std::unique_ptr<Greeter::Stub> connect() const {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return Greeter::NewStub(grpc::CreateCustomChannel(to, grpc::InsecureChannelCredentials(), own));
  }

  grpc::Status call(Greeter::Stub& on, const std::string& name) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    if (kind == "streams") {
      TicksRequest asked;
      asked.set_count(20);
      asked.set_ms(1);
      const auto ticks = on.Ticks(&context, asked);
      int seen = 0;
      for (Tick tick; ticks->Read(&tick);)
        if (tick.number() != ++seen) break;
      const grpc::Status end = ticks->Finish();
      if (end.ok() && seen != 20) return {grpc::StatusCode::DATA_LOSS, std::to_string(seen) + " ticks"};
      return end;
    }
    HelloRequest asked;
    asked.set_name(name);
    HelloReply reply;
    grpc::Status end = on.Hello(&context, asked, &reply);
    if (end.ok() && reply.text() != "hello " + name) return {grpc::StatusCode::DATA_LOSS, reply.text()};
    return end;
  }

  void run(int thread) {
    auto on = connect();
    for (int number = 0;; ++number) {
      const std::string name = std::to_string(thread) + ":" + std::to_string(number);
      if (kind == "fresh") on = connect();
      const grpc::Status end = call(*on, name);
      if (end.ok()) {
        ++answered;
        continue;
      }
      const std::lock_guard held(mutex);
      std::printf("failed %s %d %s\n", name.c_str(), static_cast<int>(end.error_code()), end.error_message().c_str());
      return;
    }
  }
};

/// Connections that this network namespace has opened and that were not refused.   Source: RFC 4022, as in
/// /proc/net/snmp.
long opened() {
  std::ifstream in("/proc/net/snmp");
  std::string names, values;
  while (std::getline(in, names) && std::getline(in, values) && !names.starts_with("Tcp:")) continue;
  std::istringstream name(names), value(values);
  long all = 0;
  for (std::string n, v; name >> n && value >> v;) {
    if (n == "ActiveOpens") all += std::stol(v);
    if (n == "AttemptFails") all -= std::stol(v);
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("Calls a greeter until it has gone.", "grpc_load");
  load it;
  std::uint64_t ready = 100;
  int pid = 0;
  cli.add_option("--to", it.to, "HOST:PORT")->required();
  cli.add_option("--kind", it.kind, "unary, streams or fresh");
  cli.add_option("--threads", it.threads, "clients");
  cli.add_option("--ready", ready, "prints `loaded` when so many calls are answered");
  cli.add_option("--signal", pid, "a process that gets SIGTERM then");
  CLI11_PARSE(cli, argc, argv);
  const long before = opened();
  std::vector<std::thread> threads;
  for (int i = 0; i < it.threads; ++i)
    threads.emplace_back([&it, i] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));  // not all at the same step
      it.run(i);
    });
  const auto patience = std::chrono::steady_clock::now() + 60s;
  while (it.answered < ready && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  {
    const std::lock_guard held(it.mutex);
    std::printf("loaded\n");
    std::fflush(stdout);
  }
  if (pid > 0) ::kill(pid, SIGTERM);
  for (auto& each : threads) each.join();
  std::printf("connected %ld\n", opened() - before);
  std::printf("answered %llu\n", static_cast<unsigned long long>(it.answered));
  return 0;
}
