#include "lastcall/net/connection/connection_set.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::net {

namespace {
constexpr int told_at_once = 64;  // as many as a batch of events
constexpr duration telling_time = std::chrono::microseconds(500);
}  // namespace

void connection_set::adopt(std::unique_ptr<connection> newcomer) noexcept {
  connection& c = *newcomer.release();
  all_.push_back(c);
  accepted_.add();
  open_.add();
  if (loop_.watch(c.socket_.get(), c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) return c.end(connection_end::forced);
  if (forced_) return c.force();
  if (draining()) c.drain();
}

void connection_set::replace(connection& before, std::unique_ptr<connection> replacement) noexcept {
  connection& c = *replacement.release();
  before.leave();
  intrusive_list<connection>::erase(before);
  loop_.free_after_batch(std::unique_ptr<pollable>(&before));
  all_.push_back(c);
  loop_.rewatch(c.socket_.get(), c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  if (forced_) return c.force();
  if (draining()) c.drain();
}

void connection_set::begin_drain(time_point drain_end) noexcept {
  if (draining()) return;
  rules_.emplace(options_.silence, options_.linger_acknowledged, options_.jitter, loop_.refresh_now(), drain_end);
  untold_.splice_back(all_);
  tell_some();
}

/// In pieces, so that those with a request do not wait for thousands of others to be told. By time, too: where
/// thousands of streams are served, the next piece has its turn only behind all that they have posted.
void connection_set::tell_some() noexcept {
  const time_point until = loop_.refresh_now() + telling_time;
  do {
    for (int i = 0; i < told_at_once && !untold_.empty(); ++i) {
      connection& c = *untold_.pop_front();
      all_.push_back(c);
      c.drain();
    }
  } while (!untold_.empty() && loop_.refresh_now() < until);
  if (!untold_.empty()) loop_.post([this] { tell_some(); });
}

time_point connection_set::next_tell_at() noexcept {
  return rules_->tell_at(std::uniform_real_distribution<double>(0, 1)(random_));
}

void connection_set::count_told(const connection& c) noexcept {
  kinds_[static_cast<std::size_t>(c.kind())].told.add();
  told_[rules_->tenth_of_window(loop_.now())].add();
}

std::uint64_t connection_set::told() const noexcept {
  std::uint64_t all = 0;
  for (const of_kind& each : kinds_) all += each.told.value();
  return all;
}

time_point connection_set::linger_until(time_point now) const noexcept {
  return rules_ ? rules_->linger_until(now, options_.linger) : now + options_.linger;
}

void connection_set::finish(function<void()> drained) noexcept {
  drained_ = std::move(drained);
  if (open() == 0) std::exchange(drained_, nullptr)();
}

std::size_t connection_set::force() noexcept {
  const std::uint64_t before = ends_[static_cast<int>(connection_end::forced)].value();
  timer_node::cancel();
  forced_ = true;
  all_.splice_back(untold_);
  // One at a time, since what hears of its end may end others.
  intrusive_list<connection> doomed;
  doomed.splice_back(all_);
  while (!doomed.empty()) {
    connection& c = *doomed.pop_front();
    all_.push_back(c);
    c.force();
  }
  return ends_[static_cast<int>(connection_end::forced)].value() - before;
}

void connection_set::oldest_work(std::vector<work_item>& out, std::size_t limit, time_point now) {
  std::vector<std::pair<time_point, const connection*>> oldest;
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto look = [&](const connection& c) {
    const auto since = c.works_since();
    if (!since) return;
    oldest.emplace_back(*since, &c);
    if (oldest.size() < 2 * limit) return;
    std::nth_element(oldest.begin(), oldest.begin() + static_cast<std::ptrdiff_t>(limit), oldest.end(), before);
    oldest.resize(limit);
  };
  if (limit == 0) return;
  for (connection& c : all_) look(c);
  for (connection& c : untold_) look(c);
  std::sort(oldest.begin(), oldest.end(), before);
  if (oldest.size() > limit) oldest.resize(limit);
  for (const auto& [since, c] : oldest)
    out.push_back({.label = c->work_label(),
                   .remote = to_text(c->remote()),
                   .age = std::max(now - since, duration::zero()),
                   .waits_for = c->work_waits_for()});
}

void connection_set::remove(connection& gone, connection_end how) noexcept {
  ends_[static_cast<int>(how)].add();
  open_.subtract();
  if (gone.crossed_) crossed_.add();
  if (addresses_) addresses_->leave(gone.remote());
  intrusive_list<connection>::erase(gone);
  loop_.free_after_batch(std::unique_ptr<pollable>(&gone));
  if (drained_ && open() == 0) std::exchange(drained_, nullptr)();
}

bool connection_set::rename(connection& c, const endpoint& to) noexcept {
  if (addresses_) addresses_->leave(c.remote_);
  c.remote_ = to;
  return addresses_ && addresses_->enter(to) > most_per_address_;
}

void connection_set::count_proxied(bool well, const endpoint& proxy, std::string_view why) noexcept {
  (well ? proxied_ : bad_headers_).add();
  if (!well) abnormal_.say(proxy, connection_state::fresh, "its PROXY header: " + std::string(why), loop_.now());
}

connection_ledger connection_set::ledger() const noexcept {
  const auto ended = [&](connection_end how) { return ends_[static_cast<int>(how)].value(); };
  return {.accepted = accepted_.value(),
          .closed_clean = ended(connection_end::clean),
          .closed_by_remote = ended(connection_end::by_remote),
          .reset_by_remote = ended(connection_end::reset),
          .timed_out = ended(connection_end::timed_out),
          .handed_over = ended(connection_end::handed_over),
          .forced = ended(connection_end::forced)};
}

}  // namespace lastcall::inline v0::net
