// The thread of a consumer that tells the server what came of the entries.
#include <algorithm>
#include <random>
#include <utility>

#include "lastcall/adapters/redis/consumer_core.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/work/restart_pauses.hpp"

namespace lastcall::inline v0::redis::detail {

using lastcall::detail::later;
using lastcall::detail::restart_pauses;

namespace {

constexpr duration unblock_every = std::chrono::milliseconds(5);
constexpr duration longest_last_opening = std::chrono::seconds(1);

}  // namespace

bool consumer_core::has_to_tell(const lock&) const {
  return book_.has_to_tell() || (draining_ && reading_ && reader_ != 0) ||
         (book_.size() > 0 && steady().now() >= next_beat_);
}

void consumer_core::keep_telling() {
  const watched_thread self(with_.name, "teller");
  const context life = telling_.get();
  std::minstd_rand random(std::random_device{}());
  restart_pauses pauses(std::chrono::milliseconds(20), std::chrono::seconds(1));
  time_point well_since = steady().now();
  std::optional<connection> on;
  lock held(mutex_);
  while (!life.forced()) {
    if (!has_to_tell(held)) {
      if (finished_) break;
      if (steady().now() >= next_beat_) next_beat_ = later(steady().now(), with_.claim_after / 3);
      changed_.wait_until(held, next_beat_);
      continue;
    }
    const bool was_forced = forced_.has_value();
    held.unlock();
    auto why = on ? std::nullopt : open_teller(on, life);
    if (!why) why = tell(*on, life);
    // After a refusal, too: the server may have been demoted, and another one have its name.
    if (why || on->is_broken()) on.reset();
    if (why && !life.forced()) warn("can't acknowledge; it tries again", *why);
    held.lock();
    if (why) {
      const time_point now = steady().now();
      const duration pause = pauses.after(now - well_since, std::generate_canonical<double, 24>(random));
      well_since = later(now, pause);
      changed_.wait_until(held, well_since, [&] { return life.forced() || forced_.has_value() != was_forced; });
    }
  }
  const bool is_in_time = finished_ && !life.forced();
  held.unlock();
  if (is_in_time) part(on, life);
  held.lock();
  told_ = true;
  changed_.notify_all();
}

std::optional<error> consumer_core::open_teller(std::optional<connection>& on, const context& with) {
  auto opened = link_access::open(with, how_, connections_);
  if (!opened) return opened.error();
  on.emplace(std::move(*opened));
  return std::nullopt;
}

std::optional<error> consumer_core::tell(connection& on, const context& life) {
  const context bounded = within(life, how_.connect_within);
  std::vector<std::string> done;
  std::vector<std::string> kept;
  std::optional<dead_letter> dead;
  std::int64_t reader = 0;
  {
    const lock held(mutex_);
    if (draining_ && reading_) reader = reader_;
    done = book_.to_acknowledge(most_at_once);
    if (book_.next_dead() != nullptr) dead = *book_.next_dead();
    const time_point now = steady().now();
    if (now >= next_beat_) {
      kept = book_.held(with_.most);
      next_beat_ = later(now, with_.claim_after / 3);
    }
  }
  if (reader != 0) {
    const auto woken = on.command(bounded, "CLIENT", "UNBLOCK", reader);
    if (!woken && woken.error().why() != error::reason::server) return woken.error();
    if (!woken) {
      warn_of_slow_drain(woken.error());
      const lock held(mutex_);
      reader_ = reader = 0;
    }
  }
  if (!done.empty()) {
    if (auto why = group_.acknowledge(on, bounded, done)) return why;
    const lock held(mutex_);
    book_.acknowledged(done);
    untold_since_ = book_.to_acknowledge(1).empty() ? std::nullopt : std::optional(steady().now());
    changed_.notify_all();
  }
  for (std::size_t from = 0; from < kept.size(); from += most_at_once) {
    const auto begin = kept.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = kept.begin() + static_cast<std::ptrdiff_t>(std::min(from + most_at_once, kept.size()));
    if (auto why = group_.set_idle(on, bounded, {begin, end}, duration::zero())) return why;
  }
  if (dead) {
    if (auto why = group_.move_to_dead_letters(on, bounded, *dead, with_.dead_letters)) return why;
    log_.warning(with_.name, "an entry was moved to the dead letters",
                 {{"entry", dead->of.id}, {"error", dead->why}, {"to", with_.dead_letters}});
    const lock held(mutex_);
    book_.moved();
    changed_.notify_all();
  }
  if (reader != 0) {  // it may not have begun to wait there
    lock held(mutex_);
    changed_.wait_for(held, unblock_every, [&] { return !reading_; });
  }
  return std::nullopt;
}

void consumer_core::part(std::optional<connection>& on, const context& life) {
  std::vector<std::string> not_done;
  std::vector<pending_entry> not_begun;
  bool unanswered = false;
  {
    const lock held(mutex_);
    not_done = book_.not_done();
    not_begun = book_.not_begun();
    unanswered = unanswered_.has_value();
  }
  const context bounded = within(life, how_.connect_within);
  std::optional<error> why;
  if (!on) {
    if (not_done.empty() && not_begun.empty() && !unanswered) return;
    why = open_teller(on, within(bounded, longest_last_opening));
  }
  if (!why) why = give_back_what_never_came(*on, bounded);
  if (!why) why = group_.set_idle(*on, bounded, not_done, with_.claim_after);
  if (!why) why = group_.give_back(*on, bounded, not_begun, with_.claim_after);
  if (!why) why = group_.leave(*on, bounded);
  if (why) log_.debug(with_.name, "could not leave the group", {{"error", why->what()}});
}

}  // namespace lastcall::inline v0::redis::detail
