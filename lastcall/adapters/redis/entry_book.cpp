#include "lastcall/adapters/redis/entry_book.hpp"

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::redis::detail {

namespace {

constexpr std::size_t most_remembered = 10'000;              // of those that have failed
constexpr duration clocks_differ = std::chrono::seconds(1);  // by less: the server counts whole ms of another clock

}  // namespace

std::size_t entry_book::room() const noexcept {
  return std::min(workers_ - std::min(workers_, in_work_), most_ - std::min(most_, held_.size()));
}

entry_book::claims entry_book::to_claim(std::vector<pending_entry> found, time_point now) {
  std::erase_if(failed_, [&](const auto& each) { return now - each.second > remembers_; });
  std::size_t suspects = suspects_;
  claims all;
  for (pending_entry& each : found) {
    if (held_.contains(each.id)) continue;
    const bool suspect = is_suspect(each.id, each.given + 1);
    if (all.now.size() >= room() || (suspect && suspects > 0)) {
      all.some_wait = true;
      continue;
    }
    suspects += suspect ? 1 : 0;
    all.now.push_back(std::move(each));
  }
  return all;
}

std::vector<pending_entry> entry_book::on_their_way(std::vector<pending_entry> ours, time_point since,
                                                    time_point now) const {
  std::erase_if(ours, [&](const pending_entry& each) {
    return held_.contains(each.id) || failed_.contains(each.id) || each.idle > now - since + clocks_differ;
  });
  return ours;
}

bool entry_book::take(const entry& of, bool claimed) {
  const auto [at, is_new] =
      held_.try_emplace(of.id, holding{.tries = of.tries, .is_suspect = is_suspect(of.id, of.tries)});
  if (!is_new) return false;
  ++in_work_;
  if (at->second.is_suspect) ++suspects_;
  if (claimed) ++counted_.claimed;
  failed_.erase(of.id);
  return true;
}

void entry_book::begun(const std::string& id) {
  const auto at = held_.find(id);
  if (at != held_.end() && at->second.is == state::taken) at->second.is = state::begun;
}

entry_book::holding* entry_book::ended(const std::string& id) {
  const auto at = held_.find(id);
  if (at == held_.end() || at->second.is == state::done || at->second.is == state::dead) return nullptr;
  --in_work_;
  if (at->second.is_suspect) --suspects_;
  return &at->second;
}

void entry_book::done(const std::string& id) {
  holding* const of = ended(id);
  if (of == nullptr) return;
  of->is = state::done;
  done_.push_back(id);
}

void entry_book::failed(const std::string& id, time_point now) {
  if (ended(id) == nullptr) return;
  held_.erase(id);
  ++counted_.failed;
  if (failed_.size() < most_remembered) failed_[id] = now;
}

void entry_book::dead(dead_letter of) {
  holding* const held = ended(of.of.id);
  if (held == nullptr) return;
  held->is = state::dead;
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
  for (const auto& [id, of] : held_) {
    if (ids.size() >= most) break;
    ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> entry_book::not_done() const {
  std::vector<std::string> ids;
  for (const auto& [id, of] : held_)
    if (of.is == state::begun || of.is == state::dead) ids.push_back(id);
  return ids;
}

std::vector<pending_entry> entry_book::not_begun() const {
  std::vector<pending_entry> all;
  for (const auto& [id, of] : held_)
    if (of.is == state::taken) all.push_back({.id = id, .given = of.tries});
  return all;
}

}  // namespace lastcall::inline v0::redis::detail
