#include "lastcall/adapters/kafka/consume_book.hpp"

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::kafka::detail {

std::string to_text(const offset_range& of) {
  std::string text = of.topic + " [" + std::to_string(of.partition) + "] " + std::to_string(of.first);
  if (of.last != of.first) text.append("-").append(std::to_string(of.last));
  return text;
}

consume_book::~consume_book() = default;

consume_book::number consume_book::assign(std::string topic, std::int32_t id) {
  auto made = std::make_unique<partition>();
  made->topic = std::move(topic);
  made->id = id;
  made->in = ++numbers_;
  partitions_.emplace(numbers_, std::move(made));
  return numbers_;
}

consume_book::partition& consume_book::at(number in) const { return *partitions_.at(in); }

std::size_t consume_book::room(number in) const {
  const partition& of = at(in);
  return of.ending || of.entries.size() >= rules_.most ? 0 : rules_.most - of.entries.size();
}

bool consume_book::add(number in, std::unique_ptr<consumed> it) {
  partition& of = at(in);
  if (of.ending || (of.last && it->offset <= *of.last)) return false;
  if (!of.last) of.finished.position = of.kept.position = it->offset;
  of.last = it->offset;
  entry& made = of.entries.emplace_back();
  made.offset = it->offset;
  made.it = std::move(it);
  made.of = &of;
  ++count_.taken;
  ++waiting_;
  ++of.waiting;
  put(made);
  return true;
}

std::string consume_book::lane_of(const entry& it) const { return rules_.by_key ? *it.it->key : std::string(); }

void consume_book::put(entry& it) {
  if (has_lane(it)) {
    const auto [lane, is_first] = it.of->behind.try_emplace(lane_of(it));
    if (!is_first) return lane->second.push_back(&it);
  }
  ready_.push_back(&it);
}

void consume_book::lane_over(entry& it) {
  if (!has_lane(it)) return;
  const auto lane = it.of->behind.find(lane_of(it));
  if (lane == it.of->behind.end()) return;
  if (lane->second.empty()) {
    it.of->behind.erase(lane);
  } else {
    ready_.push_back(lane->second.front());
    lane->second.pop_front();
  }
}

consume_book::entry* consume_book::take(time_point now) {
  if (held_until_ && now < *held_until_) return nullptr;
  while (!paused_.empty() && paused_.begin()->first <= now) {
    entry& due = *paused_.begin()->second;
    paused_.erase(paused_.begin());
    due.at = entry::state::waiting;
    ready_.push_back(&due);
  }
  if (ready_.empty()) return nullptr;
  entry& it = *ready_.front();
  ready_.pop_front();
  it.at = entry::state::in_work;
  --waiting_;
  --it.of->waiting;
  ++in_work_;
  ++it.of->in_work;
  return &it;
}

std::optional<time_point> consume_book::next_due() const {
  if (held_until_ && !ready_.empty()) return held_until_;
  if (paused_.empty()) return std::nullopt;
  return held_until_ ? std::max(*held_until_, paused_.begin()->first) : paused_.begin()->first;
}

bool consume_book::can_take(time_point now) const noexcept {
  if (held_until_ && now < *held_until_) return false;
  return !ready_.empty() || (!paused_.empty() && paused_.begin()->first <= now);
}

void consume_book::come_back(entry& it, entry::state as) {
  it.at = as;
  --in_work_;
  --it.of->in_work;
}

bool consume_book::done(entry& it) {
  partition& of = *it.of;
  ++(it.poison ? count_.poisoned : count_.done);
  lane_over(it);
  come_back(it, entry::state::finished);
  it.it = nullptr;
  ++of.beyond;
  of.highest = std::max(of.highest, it.offset);
  while (!of.entries.empty() && of.entries.front().at == entry::state::finished) {
    of.finished = {of.entries.front().offset + 1, of.finished.messages + 1};
    --of.beyond;
    of.entries.pop_front();
  }
  if (!of.gone) return true;
  if (of.in_work == 0) partitions_.erase(of.in);
  return false;
}

void consume_book::failed(entry& it, std::string why, time_point now, double random) {
  partition& of = *it.of;
  ++count_.failures;
  ++it.failures;
  it.why = std::move(why);
  come_back(it, entry::state::paused);
  ++waiting_;
  ++of.waiting;
  if (of.gone) {
    drop(it);
    if (of.in_work == 0) partitions_.erase(of.in);
    return;
  }
  // What nothing begun stands behind needs no second try here.
  if (of.ending && std::ranges::none_of(of.entries, [&](const entry& other) {
        return other.offset > it.offset && other.at != entry::state::dropped;
      })) {
    drop(it);
    return rebuild(of);
  }
  if (rules_.tries > 0 && !it.poison && it.failures >= rules_.tries) {
    it.poison = true;
    it.at = entry::state::waiting;
    ready_.push_back(&it);
    return;
  }
  duration pause = rules_.first_pause;
  for (std::size_t i = 1; i < it.failures && pause < rules_.longest_pause; ++i) pause *= 2;
  pause = std::min(pause, rules_.longest_pause);
  it.due = now + pause - duration(static_cast<duration::rep>(static_cast<double>(pause.count()) * random / 2));
  paused_.emplace(it.due, &it);
}

void consume_book::cut(entry& it) {
  partition& of = *it.of;
  ++count_.cut;
  come_back(it, entry::state::dropped);
  it.it = nullptr;  // its lane goes no further: what stands behind it may not overtake
  if (of.gone && of.in_work == 0) partitions_.erase(of.in);
}

void consume_book::drop(entry& it) {
  it.at = entry::state::dropped;
  it.it = nullptr;
  ++count_.handed_back;
  --waiting_;
  --it.of->waiting;
}

// The lists, from what is left in the partition. Within a lane the first that is open is ready, paused or in work.
void consume_book::rebuild(partition& of) {
  const auto is_dropped = [](const entry* it) { return it->at == entry::state::dropped; };
  std::erase_if(ready_, is_dropped);
  std::erase_if(paused_, [&](const auto& each) { return is_dropped(each.second); });
  of.behind.clear();
  for (entry& each : of.entries) {
    if (each.at == entry::state::dropped || each.at == entry::state::finished || !has_lane(each)) continue;
    const auto [lane, is_first] = of.behind.try_emplace(lane_of(each));
    if (!is_first) lane->second.push_back(&each);
  }
}

void consume_book::end(number in) {
  partition& of = at(in);
  of.ending = true;
  const auto is_begun = [](const entry& it) {
    return it.at == entry::state::in_work || it.at == entry::state::finished;
  };
  const auto last = std::ranges::find_if(of.entries.rbegin(), of.entries.rend(), is_begun);
  for (auto it = of.entries.rbegin(); it != last; ++it)
    if (it->at != entry::state::dropped) drop(*it);
  rebuild(of);
}

void consume_book::drop_waiting(number in) {
  partition& of = at(in);
  of.ending = true;
  for (entry& each : of.entries)
    if (each.at == entry::state::waiting || each.at == entry::state::paused) drop(each);
  rebuild(of);
}

bool consume_book::is_quiet(number in) const { return at(in).in_work == 0 && at(in).waiting == 0; }

std::optional<std::int64_t> consume_book::to_commit(number in) const {
  const partition& of = at(in);
  if (of.finished.messages == of.kept.messages) return std::nullopt;
  return of.finished.position;
}

std::optional<std::int64_t> consume_book::to_store(number in) const {
  const partition& of = at(in);
  const std::uint64_t last = of.stored.empty() ? of.kept.messages : of.stored.back().messages;
  if (of.finished.messages == last) return std::nullopt;
  return of.finished.position;
}

void consume_book::stored(number in) {
  partition& of = at(in);
  constexpr std::size_t most_kept = 256;  // while no broker answers
  if (of.stored.size() >= most_kept) of.stored.pop_back();
  of.stored.push_back(of.finished);
}

void consume_book::committed(number in, std::int64_t position) {
  partition& of = at(in);
  for (; !of.stored.empty() && of.stored.front().position <= position; of.stored.pop_front())
    of.kept = of.stored.front();
  if (position >= of.finished.position) of.kept = of.finished;  // without the timer: it was not stored
}

offset_range consume_book::uncommitted(number in) const {
  const partition& of = at(in);
  return {.topic = of.topic,
          .partition = of.id,
          .first = of.kept.position,
          .last = of.highest,
          .messages = of.finished.messages - of.kept.messages + of.beyond};
}

std::size_t consume_book::uncommitted() const {
  std::size_t all = 0;
  for (const auto& [in, of] : partitions_)
    if (!of->gone) all += uncommitted(in).messages;
  return all;
}

void consume_book::remove(number in) {
  drop_waiting(in);
  partition& of = at(in);
  of.gone = true;
  if (of.in_work == 0) partitions_.erase(in);
}

}  // namespace lastcall::inline v0::kafka::detail
