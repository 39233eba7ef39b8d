#include "lastcall/net/listen/open_listeners.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

namespace {

using namespace std::chrono_literals;

/// The kernel closes the sockets of a process that was killed one after the other, and another that starts takes a
/// moment between naming its door and listening at it.
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
  for (listener& one : all) detail::share(one, shared);
}

/// Without a door: it gets one now, since only now the port is known.
std::vector<listener> offered(const listener_options& wanted, std::size_t count, unique_fd door) {
  std::vector<listener> all = open_group(wanted, count);
  const endpoint& where = all.front().local();
  if (!door) door = overlap::open_door(where);
  share(all, overlap::offer(where, std::move(door), count));
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
  for (unique_fd& one : sockets) detail::share(all.emplace_back(std::move(one), wanted), shared);
  return all;
}

}  // namespace

std::vector<listener> open_listeners(const listener_options& wanted, std::size_t count, const start_wait& wait) {
  if (!wanted.overlap) return open_group(wanted, count);
  if (wanted.where.ip() && wanted.where.port() == 0) return offered(wanted, count, {});  // so nobody serves there
  std::optional<time_point> race_end;  // set: nobody has the door, and yet it could not be opened
  for (;;) {
    shared_sockets got;
    switch (overlap::ask(wanted.where, wait, got)) {
      case asked::got:
        return taken(wanted, std::move(got));
      case asked::closed:
        race_end.reset();
        break;
      case asked::nobody:
        break;
    }
    try {
      // The door first: who starts at the same time waits there, and opens nothing.
      return offered(wanted, count, overlap::open_door(wanted.where));
    } catch (const std::system_error& error) {
      const time_point now = steady().now();
      if (!race_end) race_end = now + race_time;
      if (error.code() != std::errc::address_in_use || now >= std::min(*race_end, wait.by) || wait.life.draining())
        throw;
    }
    ::poll(nullptr, 0, pause_ms);
  }
}

}  // namespace lastcall::inline v0::net
