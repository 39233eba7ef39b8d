#include "lastcall/net/listen/open_listeners.hpp"

#include <poll.h>

#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/listen/overlap.hpp"

namespace lastcall::inline v0::net {

namespace {

using namespace std::chrono_literals;

/// Longer than a listener takes to settle, 3 s.
constexpr auto answer_time = 5s;
/// Of another process between its bind and its first answer, when two start at the same time.
constexpr auto race_time = 500ms;
constexpr int pause_ms = 10;

std::vector<listener> open_group(listener_options wanted, std::size_t count) {
  std::vector<listener> all;
  wanted.reuse_port = wanted.reuse_port || wanted.successor || count > 1;
  while (all.size() < count) {
    all.emplace_back(wanted);
    wanted.where = all.back().local();  // for port 0, the port that the kernel has chosen
    wanted.successor = true;            // the other members of the group are our own
  }
  return all;
}

/// From now on the sockets are offered to the next process.
void share(std::vector<listener>& all, shared_sockets with) {
  std::vector<int> each;
  for (const listener& one : all) each.push_back(one.fd());
  const auto shared = std::make_shared<overlap>(std::move(with), each, false);
  for (listener& one : all) one.share(shared);
}

std::vector<listener> offered(const listener_options& wanted, std::size_t count) {
  std::vector<listener> all = open_group(wanted, count);
  std::vector<int> each;
  for (const listener& one : all) each.push_back(one.fd());
  share(all, overlap::offer(all.front().local(), each));
  return all;
}

/// What fails here closes copies only: a listener that knows no other process would shut down the sockets of that one.
std::vector<listener> taken(const listener_options& wanted, shared_sockets from) {
  std::vector<unique_fd> sockets = std::move(from.listeners);
  std::vector<int> each;
  for (const unique_fd& one : sockets) each.push_back(one.get());
  const auto shared = std::make_shared<overlap>(std::move(from), each, true);
  std::vector<listener> all;
  all.reserve(sockets.size());
  for (unique_fd& one : sockets) all.emplace_back(std::move(one), wanted).share(shared);
  return all;
}

}  // namespace

std::vector<listener> open_listeners(const listener_options& wanted, std::size_t count) {
  if (!wanted.overlap) return open_group(wanted, count);
  const bool chosen = wanted.where.ip() && wanted.where.port() == 0;  // by the kernel: nobody serves there
  const time_point begin = steady().now(), by = begin + answer_time;
  for (;;) {
    if (!chosen)
      if (auto got = overlap::ask(wanted.where, by)) return taken(wanted, std::move(*got));
    try {
      return offered(wanted, count);
    } catch (const std::system_error& error) {
      if (chosen || error.code() != std::errc::address_in_use || steady().now() > begin + race_time) throw;
    }
    ::poll(nullptr, 0, pause_ms);
  }
}

}  // namespace lastcall::inline v0::net
