#include "lastcall/adapters/redis/entry_book.hpp"

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::redis::detail {

bool entry_book::take(const std::string& id, bool claimed) {
  if (!held_.emplace(id, state::held).second) return false;
  if (claimed) ++counted_.claimed;
  return true;
}

void entry_book::done(const std::string& id) {
  const auto at = held_.find(id);
  if (at == held_.end() || at->second != state::held) return;
  at->second = state::done;
  done_.push_back(id);
}

void entry_book::failed(const std::string& id) {
  const auto at = held_.find(id);
  if (at == held_.end() || at->second != state::held) return;
  held_.erase(at);
  ++counted_.failed;
}

void entry_book::dead(dead_letter of) {
  const auto at = held_.find(of.of.id);
  if (at == held_.end() || at->second != state::held) return;
  at->second = state::dead;
  dead_.push_back(std::move(of));
}

std::vector<std::string> entry_book::to_acknowledge(std::size_t most) const {
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, done_.size()));
  return {done_.begin(), done_.begin() + count};
}

void entry_book::acknowledged(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    if (done_.empty() || done_.front() != id) continue;
    done_.pop_front();
    held_.erase(id);
    ++counted_.acknowledged;
  }
}

void entry_book::moved() {
  held_.erase(dead_.front().of.id);
  dead_.pop_front();
  ++counted_.dead;
}

std::vector<std::string> entry_book::held(std::size_t most) const {
  std::vector<std::string> ids;
  for (const auto& [id, is] : held_) {
    if (ids.size() >= most) break;
    ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> entry_book::not_done() const {
  std::vector<std::string> ids;
  for (const auto& [id, is] : held_)
    if (is != state::done) ids.push_back(id);
  return ids;
}

}  // namespace lastcall::inline v0::redis::detail
