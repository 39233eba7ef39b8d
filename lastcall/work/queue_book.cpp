#include "lastcall/work/queue_book.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lastcall::inline v0::detail {

bool queue_book::has_room(const queue_item& for_it) const noexcept {
  return waiting_ < bounds_.most && (bounds_.most_bytes == 0 || bytes_ + for_it.bytes <= bounds_.most_bytes);
}

void queue_book::put(std::unique_ptr<queue_item> it, time_point now) {
  it->came = now;
  it->number = numbers_++;
  ++waiting_;
  bytes_ += it->bytes;
  if (bounds_.keys) {
    const auto [of_key, is_first] = behind_.try_emplace(it->key);
    if (!is_first) return of_key->second.push_back(std::move(it));
  }
  ready_.push_back(std::move(it));
}

bool queue_book::add(std::unique_ptr<queue_item>& it, time_point now) {
  if (closed_ || !waiters_.empty() || !has_room(*it)) return false;
  put(std::move(it), now);
  return true;
}

void queue_book::enqueue(queue_waiter& last) {
  last.place = waiters_.insert(waiters_.end(), &last);
  last.at = queue_waiter::state::waiting;
}

void queue_book::withdraw(queue_waiter& who, time_point now) noexcept {
  waiters_.erase(who.place);
  who.at = queue_waiter::state::outside;
  admit(now);
}

void queue_book::admit(time_point now) {
  while (!waiters_.empty() && has_room(*waiters_.front()->item)) {
    queue_waiter& first = *waiters_.front();
    waiters_.pop_front();
    first.ahead = waiting_;
    put(std::move(first.item), now);
    first.at = queue_waiter::state::granted;
    first.told();
  }
}

std::unique_ptr<queue_item> queue_book::take(time_point now) {
  if (ready_.empty()) return nullptr;
  std::unique_ptr<queue_item> it = std::move(ready_.front());
  ready_.pop_front();
  --waiting_;
  bytes_ -= it->bytes;
  ++in_work_;
  admit(now);
  return it;
}

void queue_book::over(const std::string& key) noexcept {
  --in_work_;
  if (!bounds_.keys) return;
  const auto of_key = behind_.find(key);
  if (of_key->second.empty()) {
    behind_.erase(of_key);
  } else {
    ready_.push_back(std::move(of_key->second.front()));
    of_key->second.pop_front();
  }
}

queue_items queue_book::take_rest() {
  queue_items rest;
  rest.reserve(waiting_);
  std::ranges::move(ready_, std::back_inserter(rest));
  for (auto& [key, items] : behind_) std::ranges::move(items, std::back_inserter(rest));
  std::ranges::sort(rest, {}, [](const auto& it) { return it->number; });
  for (auto& [key, items] : behind_) items.clear();
  ready_.clear();
  waiting_ = 0;
  bytes_ = 0;
  return rest;
}

void queue_book::close() noexcept {
  closed_ = true;
  while (!waiters_.empty()) {
    queue_waiter& first = *waiters_.front();
    waiters_.pop_front();
    first.at = queue_waiter::state::refused;
    first.told();
  }
}

}  // namespace lastcall::inline v0::detail
