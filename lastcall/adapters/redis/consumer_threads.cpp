// The two threads of a consumer that talk to the server: one reads, the other tells it what came of the entries.
#include <algorithm>
#include <random>
#include <utility>

#include "lastcall/adapters/redis/consumer_core.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/work/restart_pauses.hpp"

namespace lastcall::inline v0::redis::detail {

using lastcall::detail::later;
using lastcall::detail::restart_pauses;

namespace {

constexpr duration longest_read = std::chrono::seconds(1);  // at the server, when nobody ends it
constexpr duration unblock_every = std::chrono::milliseconds(5);
constexpr std::size_t most_at_once = 100;  // entries, in one command

}  // namespace

void consumer_core::read(const context& ends) {
  std::minstd_rand random(std::random_device{}());
  restart_pauses pauses(std::chrono::milliseconds(100), std::chrono::seconds(5));
  while (!ends.draining()) {
    const time_point began = steady().now();
    const auto why = read_until_broken(ends);
    if (!why || ends.draining()) return;
    warn("reads no more; it tries again", *why);
    ends.wait_for(pauses.after(steady().now() - began, std::generate_canonical<double, 24>(random)));
  }
}

std::optional<error> consumer_core::read_until_broken(const context& ends) {
  context_source opening(ends);
  auto opened = [&] {
    const stop_callback over(ends.draining_token(), [&] { opening.force(); });
    return link_access::open(opening.get(), how_, connections_);
  }();
  if (!opened) return opened.error();
  connection on = std::move(*opened);
  if (auto why = group_.make(on, within(ends, how_.connect_within), with_.from_beginning)) return why;
  const auto number = on.command(within(ends, how_.connect_within), "CLIENT", "ID");
  if (!number) return number.error();
  {
    const lock held(mutex_);
    reader_ = number->get<std::int64_t>();
  }
  if (auto why = claim(on, ends, std::nullopt)) return why;
  time_point next_claim = steady().now();
  while (const std::size_t room = wait_for_room()) {
    const time_point now = steady().now();
    if (now >= next_claim) {
      if (auto why = claim(on, ends, with_.claim_after)) return why;
      next_claim = later(steady().now(), with_.claim_after / 2);
      continue;
    }
    {
      const lock held(mutex_);
      if (draining_) break;
      reading_ = true;
    }
    const duration longest = std::min(longest_read, next_claim - now);
    auto came = group_.read(on, within(ends, longest + how_.connect_within), std::min(room, most_at_once), longest);
    {
      const lock held(mutex_);
      reading_ = false;
      changed_.notify_all();
    }
    if (!came) return came.error();
    take(std::move(*came), false);
  }
  return std::nullopt;
}

std::size_t consumer_core::wait_for_room() {
  lock held(mutex_);
  changed_.wait(held, [&] { return draining_ || book_.room() > 0; });
  return draining_ ? 0 : book_.room();
}

std::optional<error> consumer_core::claim(connection& on, const context& ends, std::optional<duration> idle) {
  for (std::string from = "-";;) {
    std::size_t most = 0;
    {
      const lock held(mutex_);
      if (draining_) return std::nullopt;
      most = std::min(book_.room(), most_at_once);
    }
    if (most == 0) return std::nullopt;
    auto found = group_.pending(on, within(ends, how_.connect_within), from, most, idle);
    if (!found) return found.error();
    if (found->empty()) return std::nullopt;
    const bool is_last = found->size() < most;
    from = "(" + found->back().id;
    {
      const lock held(mutex_);
      std::erase_if(*found, [&](const pending_entry& each) { return book_.holds(each.id); });
    }
    if (!found->empty()) {
      auto claimed = group_.claim(on, within(ends, how_.connect_within), *found, idle.value_or(duration::zero()));
      if (!claimed) return claimed.error();
      take(std::move(*claimed), true);
    }
    if (is_last) return std::nullopt;
  }
}

// What the queue does not take any more, because it was forced, stays in the book.
void consumer_core::take(std::vector<entry> entries, bool claimed) {
  for (entry& each : entries) {
    {
      const lock held(mutex_);
      if (!book_.take(each.id, claimed)) continue;
      if (with_.most_tries > 0 && each.tries > with_.most_tries) {
        book_.dead({.of = std::move(each), .why = "given out so often, and nobody has acknowledged it"});
        changed_.notify_all();
        continue;
      }
    }
    static_cast<void>(queue_->try_push(std::move(each)));
  }
}

bool consumer_core::has_to_tell(const lock&) const {
  return book_.has_to_tell() || (draining_ && reading_) || (book_.size() > 0 && steady().now() >= next_beat_);
}

void consumer_core::keep_telling() {
  const watched_thread self(with_.name, "teller");
  const context life = telling_.get();
  std::minstd_rand random(std::random_device{}());
  restart_pauses pauses(std::chrono::milliseconds(20), std::chrono::seconds(1));
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
    const time_point began = steady().now();
    std::optional<error> why;
    if (!on) {
      auto opened = link_access::open(life, how_, connections_);
      if (opened) {
        on.emplace(std::move(*opened));
      } else {
        why = opened.error();
      }
    }
    if (on) why = tell(*on, life);
    if (on && on->is_broken()) on.reset();
    if (why && !life.forced()) warn("can't acknowledge; it tries again", *why);
    held.lock();
    if (why) {
      const duration pause = pauses.after(steady().now() - began, std::generate_canonical<double, 24>(random));
      changed_.wait_until(held, later(steady().now(), pause),
                          [&] { return life.forced() || forced_.has_value() != was_forced; });
    }
  }
  const std::vector<std::string> left = book_.not_done();
  const bool is_in_time = finished_ && !life.forced();
  held.unlock();
  if (on && is_in_time) part(*on, life, left);
  held.lock();
  told_ = true;
  changed_.notify_all();
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
  if (reader != 0) {  // otherwise it waits for `longest_read`, as where a user may not do this
    const auto woken = on.command(bounded, "CLIENT", "UNBLOCK", reader);
    if (!woken && woken.error().why() != error::reason::server) return woken.error();
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

void consumer_core::part(connection& on, const context& life, const std::vector<std::string>& not_done) {
  const context bounded = within(life, how_.connect_within);
  std::optional<error> why;
  if (!not_done.empty()) why = group_.set_idle(on, bounded, not_done, with_.claim_after);
  if (!why) why = group_.leave(on, bounded);
  if (why) log_.debug(with_.name, "could not leave the group", {{"error", why->what()}});
}

}  // namespace lastcall::inline v0::redis::detail
