// Ownership: the lists hold plain pointers; `adopt` and `replace` release the unique_ptr. An end takes a connection off
// its list and gives it to loop::free_after_batch (owning_set::release).
//
// Re-entrancy: `drain` and `force` of a connection call its protocol, which may end this or any other connection of
// the set, replace it, or make new ones adopt. So no loop here holds an iterator over such a call: each takes the first
// element of a list, moves it to all_, and calls it last.
#include "lastcall/net/connection/connection_set.hpp"

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::net {

namespace {
constexpr int told_at_once = 64;  // as many as a batch of events
constexpr duration telling_time = std::chrono::microseconds(500);
}  // namespace

connection_set::~connection_set() {
  drained_ = nullptr;
  force();
}

void connection_set::adopt(std::unique_ptr<connection> newcomer) noexcept {
  connection& c = *newcomer.release();
  all_.push_back(c);
  counts_.count_accepted();
  if (loop_.watch(c.socket_.get(), c, connection::watched_events)) return c.end(connection_end::forced);
  catch_up(c);
}

void connection_set::replace(connection& before, std::unique_ptr<connection> replacement) noexcept {
  connection& c = *replacement.release();
  before.leave();
  intrusive_list<connection>::erase(before);
  loop_.free_after_batch(std::unique_ptr<pollable>(&before));  // it is calling us
  all_.push_back(c);
  loop_.rewatch(c.socket_.get(), c, connection::watched_events);  // announces also what was readable before
  catch_up(c);
}

/// A connection that comes after the drain or the force is told of it now.
void connection_set::catch_up(connection& c) noexcept {
  if (forced_) return c.force();
  if (draining()) c.drain();
}

void connection_set::begin_drain(time_point drain_end) noexcept {
  if (draining()) return;
  rules_.emplace(options_.idle_drain_after, options_.linger_acknowledged, options_.jitter, loop_.refresh_now(),
                 drain_end);
  untold_.splice_back(all_);
  drain_some();
}

/// Drains in pieces, so that connections with a request do not wait until thousands of others are told. A piece is
/// bounded by time, too: where thousands of streams are served, the next piece runs only after all that they have
/// posted.
void connection_set::drain_some() noexcept {
  const time_point until = loop_.refresh_now() + telling_time;
  do {
    for (int i = 0; i < told_at_once && !untold_.empty(); ++i) {
      connection& c = *untold_.pop_front();
      all_.push_back(c);
      c.drain();
    }
  } while (!untold_.empty() && loop_.refresh_now() < until);
  if (!untold_.empty()) loop_.post([this] { drain_some(); });
}

void connection_set::finish(function<void()> drained) noexcept {
  drained_ = std::move(drained);
  if (counts_.open() == 0) std::exchange(drained_, nullptr)();
}

std::size_t connection_set::force() noexcept {
  const std::uint64_t before = counts_.ended(connection_end::forced);
  timer_node::cancel();
  forced_ = true;
  all_.splice_back(untold_);
  // A list of its own: a connection that is adopted meanwhile is forced by `adopt`, and must not be met again here.
  intrusive_list<connection> doomed;
  doomed.splice_back(all_);
  while (!doomed.empty()) {
    connection& c = *doomed.pop_front();
    all_.push_back(c);
    c.force();
  }
  return counts_.ended(connection_end::forced) - before;
}

void connection_set::oldest_work(std::vector<work_item>& out, std::size_t limit, time_point now) {
  std::vector<std::pair<time_point, const connection*>> oldest;
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  for (intrusive_list<connection>* const list : {&all_, &untold_})
    for (const connection& c : *list)
      if (const auto since = c.works_since()) oldest.emplace_back(*since, &c);
  const auto end = oldest.begin() + static_cast<std::ptrdiff_t>(std::min(limit, oldest.size()));
  std::partial_sort(oldest.begin(), end, oldest.end(), before);
  oldest.erase(end, oldest.end());
  for (const auto& [since, c] : oldest)
    out.push_back({.label = c->work_label(),
                   .remote = to_text(c->remote()),
                   .age = std::max(now - since, duration::zero()),
                   .waits_for = c->work_waits_for()});
}

}  // namespace lastcall::inline v0::net
