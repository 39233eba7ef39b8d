#include "lastcall/http/ws/websocket_group.hpp"

#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/http/ws/utf8_check.hpp"
#include "lastcall/http/ws/ws_session.hpp"

namespace lastcall::inline v0::ws {

using frame = std::shared_ptr<const std::string>;  // shared by all loops

/// One in one part. Its place there is the part's business.
struct group::member {
  std::shared_ptr<net::session_link> link;
  std::weak_ptr<loop_members> in;
  std::size_t at = 0;
  bool leaves = false;  // once what was sent before has been delivered
};

/// The members of one loop.
struct group::loop_members : std::enable_shared_from_this<loop_members> {
  explicit loop_members(const group_options& o) : settings(o) {}

  void join(const std::shared_ptr<member>& m) {
    const std::lock_guard lock(mutex);
    m->in = weak_from_this();
    m->at = members.size();
    members.push_back(m);
  }
  /// It still gets what was sent before: on the loop's thread here and now, since its connection may end next; of
  /// another thread with the delivery that has been posted, which comes before that end.
  void leave(member& m) noexcept {
    std::unique_lock lock(mutex);
    if (m.at >= members.size() || members[m.at].get() != &m) return;  // it has gone before
    if (!m.link->is_here()) {
      if (waiting.empty() && !delivering) return remove(m);
      m.leaves = true;
      return;
    }
    const std::shared_ptr<member> kept = members[m.at];
    std::vector<frame> missed;
    try {
      if (!delivering) missed = waiting;
    } catch (const std::bad_alloc&) {  // it goes without
    }
    remove(m);
    lock.unlock();
    give(*kept, missed);
  }
  /// False: dropped.
  bool send(const frame& f) {
    const std::lock_guard lock(mutex);
    if (members.empty()) return true;
    if (waiting_bytes + f->size() > settings.queue_bytes) return false;
    waiting.push_back(f);
    waiting_bytes += f->size();
    if (posted) return true;
    // Through any member that is still there: with it, so is the loop.
    for (std::size_t i = members.size(); i-- > 0;)
      if (members[i] && members[i]->link->post_to_loop(delivery(*this))) return true;
    waiting.clear();  // all have ended
    waiting_bytes = 0;
    return true;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex);
    return members.size();
  }

 private:
  /// Posted to the loop; one that is dropped unrun, by a loop that ends, is not waited for.
  class delivery {
   public:
    explicit delivery(loop_members& m) : members_(m.shared_from_this()) { m.posted = true; }
    delivery(delivery&&) noexcept = default;
    delivery& operator=(delivery&&) = delete;
    ~delivery() {
      if (members_) members_->posted = false;
    }
    void operator()() { std::exchange(members_, nullptr)->deliver(); }

   private:
    std::shared_ptr<loop_members> members_;
  };

  void remove(const member& m) noexcept {
    if (delivering) {
      members[m.at] = nullptr;  // the others keep their places until all have been served
      return;
    }
    members[m.at] = std::move(members.back());
    if (members[m.at]) members[m.at]->at = m.at;
    members.pop_back();
  }

  /// On the loop's thread. False: its connection has ended.
  bool give(const member& m, const std::vector<frame>& frames) const noexcept {
    const auto then = settings.slow == slow_member::close ? detail::session::slow::close : detail::session::slow::skip;
    auto* const to = static_cast<detail::session*>(m.link->host());
    if (!to) return false;
    for (const frame& f : frames) {
      to->push(*f, settings.member_bytes, then);
      if (!m.link->host()) return false;
    }
    return true;
  }

  /// On the loop's thread.
  void deliver() {
    std::unique_lock lock(mutex);
    const std::vector<frame> now = std::exchange(waiting, {});
    waiting_bytes = 0;
    posted = false;
    delivering = true;
    // Not under the lock: what is sent may end a session, whose handler leaves.
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::shared_ptr<member> m = members[i];
      if (!m) continue;
      lock.unlock();
      const bool there = give(*m, now);
      lock.lock();
      if (!there) members[i] = nullptr;
    }
    delivering = false;
    std::size_t kept = 0;
    for (auto& each : members) {
      if (!each || (each->leaves && waiting.empty())) continue;
      each->at = kept;
      if (&members[kept] != &each) members[kept] = std::move(each);
      ++kept;
    }
    members.resize(kept);
  }

  const group_options settings;
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<member>> members;
  std::vector<frame> waiting;
  std::size_t waiting_bytes = 0;
  std::atomic<bool> posted{false};
  bool delivering = false;
};

struct group::shared {
  explicit shared(const group_options& o) : settings(o) {}

  const group_options settings;
  mutable std::mutex mutex;
  std::map<const net::loop*, std::shared_ptr<loop_members>> by_loop;
  std::atomic<std::uint64_t> dropped{0};
};

group::group(options o) : shared_(std::make_shared<shared>(o)) {
  if (o.member_bytes == 0 || o.queue_bytes == 0)
    throw std::invalid_argument("a group's buffer of 0 bytes holds nothing");
}

group::membership group::join(const stream& s) {
  auto m = std::make_shared<member>();
  m->link = s.shared()->link;
  std::shared_ptr<loop_members> to;
  {
    const std::lock_guard lock(shared_->mutex);
    auto& slot = shared_->by_loop[&m->link->loop()];
    if (!slot) slot = std::make_shared<loop_members>(shared_->settings);
    to = slot;
  }
  to->join(m);
  return membership(std::move(m));
}

void group::send(const message& m) { send(m.kind, m.data); }
void group::send(std::string_view text) { send(message_kind::text, text); }

void group::send(message_kind kind, std::string_view data) {
  if (kind == message_kind::text) {
    http::detail::utf8_check text;
    if (!text.feed(data) || !text.complete())
      throw std::invalid_argument("a WebSocket's text is UTF-8, and this is not; send it as binary");
  }
  auto encoded = std::make_shared<std::string>();
  detail::append_frame(*encoded, kind == message_kind::text ? detail::opcode::text : detail::opcode::binary, data);
  const std::lock_guard lock(shared_->mutex);
  for (const auto& [loop, each] : shared_->by_loop)
    if (!each->send(encoded)) ++shared_->dropped;
}

std::size_t group::size() const {
  const std::lock_guard lock(shared_->mutex);
  std::size_t all = 0;
  for (const auto& [loop, each] : shared_->by_loop) all += each->size();
  return all;
}

std::uint64_t group::dropped() const noexcept { return shared_->dropped; }

group::membership::membership(std::shared_ptr<member> m) noexcept : member_(std::move(m)) {}
group::membership::membership(membership&&) noexcept = default;
group::membership& group::membership::operator=(membership&& other) noexcept {
  std::swap(member_, other.member_);
  return *this;
}
group::membership::~membership() {
  if (!member_) return;
  if (const auto in = member_->in.lock()) in->leave(*member_);
}

}  // namespace lastcall::inline v0::ws
