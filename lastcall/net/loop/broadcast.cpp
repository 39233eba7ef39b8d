// Each loop has a part: its members, and the texts that wait for them. What waits is given to all members in one round,
// some of them at a time; what is sent meanwhile waits for the next round. A loop exists as long as one of its members
// has not ended, so it is reached through those only.
#include "lastcall/net/loop/broadcast.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <vector>

namespace lastcall::inline v0::net {

namespace {
constexpr std::size_t at_once = 128;  // texts given to members; then the loop serves other connections

using texts = std::vector<std::shared_ptr<const std::string>>;
}  // namespace

struct broadcast::state : std::enable_shared_from_this<state> {
  explicit state(std::size_t most) : queue_bytes(most) {}

  struct part {
    std::vector<std::shared_ptr<member>> members;  // null: has left during a round
    std::size_t count = 0;
    texts waiting;
    std::size_t waiting_bytes = 0;
    std::shared_ptr<const texts> round;  // null: none is under way
    std::size_t next = 0;                // the member that gets the round next
    std::weak_ptr<const void> posted;    // expires also when a loop that ends drops what was posted
  };

  /// With the lock. If all members have ended, what waits is dropped.
  void post_delivery(const loop* at, part& p) {
    const auto token = std::make_shared<char>();
    p.posted = token;
    for (auto each = p.members.rbegin(); each != p.members.rend(); ++each)
      if (*each && (*each)->post([self = shared_from_this(), at, token] { self->deliver_some(at); })) return;
    p.posted.reset();
    p.waiting.clear();
    p.waiting_bytes = 0;
  }

  /// On the loop's thread. Gives without the lock: a member may end, and senders must not wait.
  void deliver_some(const loop* at) {
    for (std::size_t given = 0; given < at_once;) {
      std::shared_ptr<member> to;
      std::shared_ptr<const texts> now;
      {
        const std::lock_guard lock(mutex);
        const auto found = parts.find(at);
        if (found == parts.end()) return;
        part& p = found->second;
        if (!p.round) begin_round(p);
        if (p.next == p.members.size()) break;
        to = p.members[p.next++];
        now = p.round;
      }
      if (to) give(*to, *now);
      given += now->size();
    }
    const std::lock_guard lock(mutex);
    const auto found = parts.find(at);
    if (found == parts.end()) return;
    part& p = found->second;
    if (p.next == p.members.size()) {
      p.round.reset();
      p.next = 0;
      std::erase(p.members, nullptr);
      for (std::size_t i = 0; i < p.members.size(); ++i) p.members[i]->at_ = i;
    }
    p.posted.reset();
    if (p.round || !p.waiting.empty()) post_delivery(at, p);
  }

  /// With the lock. A round has no more texts than are given at once, so that it never holds the loop up for long.
  static void begin_round(part& p) {
    const auto end = p.waiting.begin() + static_cast<std::ptrdiff_t>(std::min(at_once, p.waiting.size()));
    p.round = std::make_shared<const texts>(p.waiting.begin(), end);
    p.waiting.erase(p.waiting.begin(), end);
    for (const auto& each : *p.round) p.waiting_bytes -= each->size();
  }

  void give(member& to, const texts& all) noexcept {
    for (const auto& each : all) {
      if (to.dropped_ || to.take(*each)) continue;
      to.dropped_ = true;
      ++dropped;
    }
  }

  /// It still gets what was sent before: on the loop's thread now, since its connection may end next. From another
  /// thread this is posted, and comes before the end of a handler that returns next.
  void leave(const loop* at, const std::shared_ptr<member>& who) noexcept {
    if (!who->is_here() && who->post([self = shared_from_this(), at, who] { self->remove(at, *who); })) return;
    remove(at, *who);
  }

  void remove(const loop* at, member& who) noexcept {
    std::shared_ptr<const texts> round;
    texts waiting;
    {
      const std::lock_guard lock(mutex);
      const auto found = parts.find(at);
      part& p = found->second;
      if (who.at_ >= p.next) round = p.round;
      try {
        waiting = p.waiting;
      } catch (const std::exception&) {  // out of memory: it goes without
      }
      if (p.round) {  // the others keep their places until all have been served
        p.members[who.at_] = nullptr;
      } else {
        std::swap(p.members[who.at_], p.members.back());
        p.members[who.at_]->at_ = who.at_;
        p.members.pop_back();
      }
      --size;
      if (--p.count == 0) parts.erase(found);  // a delivery that is still posted finds no part
    }
    if (round) give(who, *round);
    give(who, waiting);
  }

  const std::size_t queue_bytes;
  std::mutex mutex;  // guards the parts
  std::map<const loop*, part> parts;
  std::atomic<std::size_t> size{0};
  std::atomic<std::uint64_t> dropped{0};
};

broadcast::broadcast(std::size_t queue_bytes) : state_(std::make_shared<state>(queue_bytes)) {}

broadcast::membership broadcast::join(const loop& at, std::shared_ptr<member> who) {
  {
    const std::lock_guard lock(state_->mutex);
    state::part& p = state_->parts[&at];
    who->at_ = p.members.size();
    p.members.push_back(who);
    ++p.count;
    ++state_->size;
  }
  const auto leave = [s = state_, at = &at, who = std::move(who)](void*) { s->leave(at, who); };
  return membership(std::shared_ptr<void>(nullptr, leave));
}

bool broadcast::send(std::string text) {
  const auto once = std::make_shared<const std::string>(std::move(text));
  const std::lock_guard lock(state_->mutex);
  for (const auto& [at, p] : state_->parts)
    if (p.waiting_bytes + once->size() > state_->queue_bytes) return false;
  for (auto& [at, p] : state_->parts) {
    p.waiting.push_back(once);
    p.waiting_bytes += once->size();
    if (p.posted.expired()) state_->post_delivery(at, p);
  }
  return true;
}

std::size_t broadcast::size() const noexcept { return state_->size; }
std::uint64_t broadcast::dropped() const noexcept { return state_->dropped; }

}  // namespace lastcall::inline v0::net
