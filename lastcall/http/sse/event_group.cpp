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

#include "lastcall/http/serving/call.hpp"
#include "lastcall/http/serving/streaming.hpp"

namespace lastcall::inline v0::sse {

namespace {

constexpr std::size_t most_bytes = 64 * 1024;  // what is sure to fit where less than so much waits
constexpr std::size_t most_pending = 256;
constexpr std::size_t at_once = 128;  // then the others of the loop have their turn

using text = std::shared_ptr<const std::string>;

}  // namespace

/// A stream that follows; in its handler's frame.
struct group::member {
  http::detail::call& call;
  bool dropped = false;
};

struct group::state : std::enable_shared_from_this<group::state> {
  /// Of one loop, and its thread's, but for `pending`.
  struct part {
    std::vector<member*> members;  // null: has gone, while `next` is on its way through
    std::size_t count = 0;
    std::size_t next = 0;      // of the members, for the first of `pending`
    std::deque<text> pending;  // guarded by the mutex
  };

  /// Soon on the loop's thread. While somebody follows there, so is the loop.
  void go_on(net::loop& on) {
    on.post([self = shared_from_this(), &on] { self->send_some(on); });
  }

  void send_some(net::loop& on) {
    text now;
    part* of = nullptr;
    {
      const std::lock_guard lock(mutex);
      const auto found = parts.find(&on);
      if (found == parts.end() || found->second.pending.empty()) return;
      of = &found->second;
      now = of->pending.front();
    }
    const std::size_t end = std::min(of->next + at_once, of->members.size());
    for (; of->next < end; ++of->next) {
      member* const each = of->members[of->next];
      if (each && !each->dropped && !give(*each, *now)) {
        each->dropped = true;
        ++dropped;
        each->call.stop_waiting();
      }
    }
    const std::lock_guard lock(mutex);
    if (of->next == of->members.size()) {
      of->next = 0;
      of->pending.pop_front();
      std::erase(of->members, nullptr);
      if (of->members.empty()) of->pending.clear();
    }
    if (!of->pending.empty()) go_on(on);
  }

  static bool give(member& to, const std::string& bytes) noexcept {
    try {
      return to.call.write_now(bytes);
    } catch (const std::exception&) {
      return true;  // the client has gone, and its handler hears of that
    }
  }

  void join(net::loop& on, member& who) {
    const std::lock_guard lock(mutex);
    part& of = parts[&on];
    of.members.push_back(&who);
    ++of.count;
    ++size;
  }

  void leave(net::loop& on, member& who) noexcept {
    const std::lock_guard lock(mutex);
    const auto found = parts.find(&on);
    part& of = found->second;
    if (of.next == 0) {
      std::erase(of.members, &who);
    } else {
      std::replace(of.members.begin(), of.members.end(), &who, static_cast<member*>(nullptr));
    }
    --size;
    if (--of.count == 0) parts.erase(found);  // nothing posted here looks at the loop any more
  }

  mutable std::mutex mutex;  // guards parts and what is pending
  std::map<net::loop*, part> parts;
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
  for (const auto& [on, of] : state_->parts)
    if (of.pending.size() >= most_pending) return false;
  for (auto& [on, of] : state_->parts) {
    of.pending.push_back(once);
    if (of.pending.size() == 1) state_->go_on(*on);
  }
  return true;
}

task<> group::follow(stream& s) {
  struct followed {  // also when its frame is destroyed in the middle
    state& of;
    net::loop& on;
    member who;
    followed(state& group, http::detail::call& c) : of(group), on(c.loop()), who{c} { of.join(on, who); }
    followed(const followed&) = delete;
    ~followed() { of.leave(on, who); }
  };
  const std::shared_ptr<state> kept = state_;
  followed one(*kept, s.call());
  while (!one.who.dropped && co_await s.wait_for(std::chrono::hours(1))) {}
}

std::size_t group::size() const noexcept { return state_->size; }
std::uint64_t group::dropped() const noexcept { return state_->dropped; }

}  // namespace lastcall::inline v0::sse
