#include "lastcall/adapters/grpc/calls.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

namespace lastcall::inline v0::grpc::detail {

namespace {

/// The calls of all servers of the process, by key.
struct table_part {
  std::mutex mutex;
  std::unordered_map<const void*, call*> calls;
};
using table = std::array<table_part, 16>;

// Never destroyed: a call may end while the process exits.
table& all_calls() {
  static table& all = *new table;
  return all;
}
table_part& part_of(const void* key) {
  return all_calls()[(reinterpret_cast<std::uintptr_t>(key) >> 6) % std::tuple_size_v<table>];  // objects are larger
}

context_source life_of(const context& parent, std::optional<duration> time_left) {
  if (!time_left || *time_left > deadline::longest) return context_source(parent);
  const time_point now = steady().now();
  return {parent, deadline::at(now + *time_left, now)};
}

}  // namespace

call::call(std::shared_ptr<calls> of, const void* key, std::string_view method, std::string_view peer,
           std::optional<duration> time_left)
    : of_(std::move(of)),
      key_(key),
      method_(method),
      remote_(remote_of(peer)),
      began_(steady().now()),
      source_(life_of(of_->life_.get(), time_left)),
      life_(source_.get()) {
  {
    table_part& part = part_of(key_);
    const std::lock_guard held(part.mutex);
    part.calls.insert_or_assign(key_, this);
  }
  of_->begun_.fetch_add(1, std::memory_order_relaxed);
  of_->in_progress_.fetch_add(1);
}

call::~call() {
  {
    table_part& part = part_of(key_);
    const std::lock_guard held(part.mutex);
    // The context of an asynchronous call may have begun its next one.
    if (const auto at = part.calls.find(key_); at != part.calls.end() && at->second == this) part.calls.erase(at);
  }
  is_over();
  if (!answered_.exchange(true)) one_of_two_done();  // it never will be
}

void call::answered() noexcept {
  end(true);
  if (!answered_.exchange(true)) one_of_two_done();
}

void call::is_over() noexcept {
  const bool cancelled = !ended_;
  end(false);
  if (cancelled) source_.force(cause::client_gone);  // last: its handler may end at once
  if (!over_.exchange(true)) one_of_two_done();
}

void call::one_of_two_done() noexcept {
  if (to_come_.fetch_sub(1) == 1) of_->one_is_done();
}

void call::end(bool with_status) noexcept {
  if (ended_.exchange(true)) return;
  const auto column = of_->forced_                       ? calls::column::forced
                      : life_.cause() == cause::deadline ? calls::column::timed_out
                      : with_status                      ? calls::column::answered
                                                         : calls::column::abandoned_by_client;
  of_->ended_[static_cast<std::size_t>(column)].fetch_add(1, std::memory_order_relaxed);
}

context context_at(const void* key) {
  table_part& part = part_of(key);
  const std::lock_guard held(part.mutex);
  const auto at = part.calls.find(key);
  return at == part.calls.end() ? context() : at->second->life();
}

void calls::force() noexcept {
  {
    const std::lock_guard held(mutex_);
    forced_ = true;
  }
  changed_.notify_all();
  life_.force();
}

void calls::one_is_done() noexcept {
  if (in_progress_.fetch_sub(1) != 1) return;
  { const std::lock_guard held(mutex_); }  // one that is about to wait has looked before, or sees the last one gone
  changed_.notify_all();
}

void calls::wait_for_the_last() {
  std::unique_lock held(mutex_);
  changed_.wait(held, [this] { return in_progress_ == 0; });
}

void calls::wait_for_the_last(time_point until) {
  std::unique_lock held(mutex_);
  changed_.wait_until(held, until, [this] { return in_progress_ == 0 || forced_; });
}

void calls::wait_for_force(time_point until) {
  std::unique_lock held(mutex_);
  changed_.wait_until(held, until, [this] { return forced_.load(); });
}

void calls::wait_for_the_last_forced(time_point until) {
  std::unique_lock held(mutex_);
  changed_.wait_until(held, until, [this] { return in_progress_ == 0; });
}

request_ledger calls::ledger() const noexcept {
  const auto of = [this](column which) { return ended_[static_cast<std::size_t>(which)].load(); };
  // The ends first: a call that ends meanwhile is then in progress, not too many.
  request_ledger all{.answered = of(column::answered),
                     .abandoned_by_client = of(column::abandoned_by_client),
                     .forced = of(column::forced),
                     .timed_out = of(column::timed_out)};
  all.begun = begun_;
  return all;
}

std::vector<work_item> calls::items(std::size_t limit) const {
  const time_point now = steady().now();
  std::vector<work_item> all;
  for (table_part& part : all_calls()) {
    const std::lock_guard held(part.mutex);
    for (const auto& [key, one] : part.calls)
      if (one->of_.get() == this && one->to_come_ > 0)
        all.push_back({.label = one->method_,
                       .remote = one->remote_,
                       .age = now - one->began_,
                       .waits_for = one->life_.waits_for()});
  }
  std::ranges::sort(all, std::greater{}, &work_item::age);
  all.resize(std::min(all.size(), limit));
  return all;
}

std::string remote_of(std::string_view peer) {
  if (peer.starts_with("ipv4:")) return std::string(peer.substr(5));
  if (!peer.starts_with("ipv6:")) return std::string(peer);
  std::string remote;
  for (std::size_t at = 5; at < peer.size(); ++at) {
    const std::string_view rest = peer.substr(at);
    const char bracket = rest.starts_with("%5B") ? '[' : rest.starts_with("%5D") ? ']' : '\0';
    remote += bracket != '\0' ? bracket : rest.front();
    if (bracket != '\0') at += 2;
  }
  return remote;
}

}  // namespace lastcall::inline v0::grpc::detail
