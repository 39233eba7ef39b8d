#include "lastcall/http/sse/event_group.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/streaming.hpp"

namespace lastcall::inline v0::sse {

namespace {

constexpr std::size_t most_bytes = 64 * 1024;  // of one event: a stream takes it if less than this waits
constexpr std::size_t most_pending = 256;
constexpr std::size_t at_once = 128;  // members; then the loop serves other connections

using text = std::shared_ptr<const std::string>;

}  // namespace

/// One stream that follows the group. It lies in the frame of its handler's coroutine.
struct group::member {
  http::detail::call& call;
  bool dropped = false;
};

struct group::state : std::enable_shared_from_this<group::state> {
  /// The members on one loop. Only that loop's thread uses it, except for `pending`.
  struct loop_members {
    std::vector<member*> members;  // null: has left during a delivery
    std::size_t count = 0;
    std::size_t next = 0;      // the member that gets the first of `pending` next
    std::deque<text> pending;  // guarded by the mutex
  };

  /// Delivers on the loop's thread, soon. The loop exists as long as it has a member.
  void post_delivery(net::loop& loop) {
    loop.post([self = shared_from_this(), &loop] { self->deliver_some(loop); });
  }

  void deliver_some(net::loop& loop) {
    text now;
    loop_members* p = nullptr;
    {
      const std::lock_guard lock(mutex);
      const auto found = by_loop.find(&loop);
      if (found == by_loop.end() || found->second.pending.empty()) return;
      p = &found->second;
      now = p->pending.front();
    }
    const std::size_t end = std::min(p->next + at_once, p->members.size());
    for (; p->next < end; ++p->next) {
      member* const each = p->members[p->next];
      if (each && !each->dropped && !give(*each, *now)) {
        each->dropped = true;
        ++dropped;
        each->call.stop_waiting();
      }
    }
    const std::lock_guard lock(mutex);
    if (p->next == p->members.size()) {
      p->next = 0;
      p->pending.pop_front();
      std::erase(p->members, nullptr);
      if (p->members.empty()) p->pending.clear();
    }
    if (!p->pending.empty()) post_delivery(loop);
  }

  static bool give(member& to, const std::string& bytes) noexcept {
    try {
      return to.call.write_now(bytes);
    } catch (const std::exception&) {
      return true;  // the client has gone; its handler is told of that
    }
  }

  void join(net::loop& loop, member& who) {
    const std::lock_guard lock(mutex);
    loop_members& p = by_loop[&loop];
    p.members.push_back(&who);
    ++p.count;
    ++size;
  }

  void leave(net::loop& loop, member& who) noexcept {
    const std::lock_guard lock(mutex);
    const auto found = by_loop.find(&loop);
    loop_members& p = found->second;
    if (p.next == 0) {
      std::erase(p.members, &who);
    } else {
      std::replace(p.members.begin(), p.members.end(), &who, static_cast<member*>(nullptr));
    }
    --size;
    if (--p.count == 0) by_loop.erase(found);  // a delivery that is still posted finds no entry and returns
  }

  mutable std::mutex mutex;  // guards by_loop and what is pending
  std::map<net::loop*, loop_members> by_loop;
  std::atomic<std::size_t> size{0};
  std::atomic<std::uint64_t> dropped{0};
};

group::group() : state_(std::make_shared<state>()) {}
group::~group() = default;

bool group::publish(const event& e) {
  std::string bytes;
  append(bytes, e);
  if (bytes.size() > most_bytes) throw std::invalid_argument("sse: an event for a group is too large: 64 KiB at most");
  const text once = std::make_shared<const std::string>(std::move(bytes));
  const std::lock_guard lock(state_->mutex);
  for (const auto& [loop, p] : state_->by_loop)
    if (p.pending.size() >= most_pending) return false;
  for (auto& [loop, p] : state_->by_loop) {
    p.pending.push_back(once);
    if (p.pending.size() == 1) state_->post_delivery(*loop);
  }
  return true;
}

task<> group::follow(stream& s) {
  struct followed {  // leaves the group also when the coroutine frame is destroyed early
    state& group;
    net::loop& loop;
    member who;
    followed(state& g, http::detail::call& c) : group(g), loop(c.loop()), who{c} { group.join(loop, who); }
    followed(const followed&) = delete;
    ~followed() { group.leave(loop, who); }
  };
  const std::shared_ptr<state> kept = state_;
  followed one(*kept, s.call());
  while (!one.who.dropped && co_await s.wait_for(std::chrono::hours(1))) {}
}

std::size_t group::size() const noexcept { return state_->size; }
std::uint64_t group::dropped() const noexcept { return state_->dropped; }

}  // namespace lastcall::inline v0::sse
