// The thread of a consumer that reads: new entries, and those that nobody has acknowledged for long.
#include <algorithm>
#include <random>
#include <utility>

#include "lastcall/adapters/redis/consumer_core.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/work/restart_pauses.hpp"

namespace lastcall::inline v0::redis::detail {

using lastcall::detail::later;
using lastcall::detail::restart_pauses;

namespace {

constexpr duration longest_read = std::chrono::seconds(1);  // at the server, when nobody ends it
constexpr duration longest_read_before_a_claim = std::chrono::milliseconds(100);

}  // namespace

template <class F> result<std::vector<entry>, error> consumer_core::answer_of(const context& ends, const F& question) {
  if (!ends.forced()) {
    const lock held(mutex_);
    unanswered_ = steady().now();
  }
  auto said = question();
  if (said || said.error().why() == error::reason::server) {
    const lock held(mutex_);
    unanswered_.reset();
  }
  return said;
}

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
  if (auto why = ask_for_its_number(on, ends)) return why;
  if (auto why = give_back_what_never_came(on, ends)) return why;
  time_point next_claim = steady().now();
  bool claims = true;  // it is its turn: between two claims it reads
  bool some_wait = false;
  while (const std::size_t room = wait_for_room()) {
    const time_point now = steady().now();
    if (std::exchange(claims, true) && (some_wait || now >= next_claim)) {
      const auto left = claim(on, ends);
      if (!left) return left.error();
      some_wait = *left;
      if (now >= next_claim) next_claim = later(steady().now(), with_.claim_after / 2);
      claims = false;
      continue;
    }
    {
      const lock held(mutex_);
      if (draining_) break;
      reading_ = true;
    }
    const duration longest = std::min(some_wait ? longest_read_before_a_claim : longest_read,
                                      std::max<duration>(next_claim - now, std::chrono::milliseconds(1)));
    auto came = answer_of(ends, [&] {
      return group_.read(on, within(ends, longest + how_.connect_within), std::min(room, most_at_once), longest);
    });
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

// Without it, as where a user may not use CLIENT, a read can't be ended at the server.
std::optional<error> consumer_core::ask_for_its_number(connection& on, const context& ends) {
  const auto number = on.command(within(ends, how_.connect_within), "CLIENT", "ID");
  if (!number && number.error().why() != error::reason::server) return number.error();
  if (!number) warn_of_slow_drain(number.error());
  const lock held(mutex_);
  reader_ = number ? number->get<std::int64_t>() : 0;
  return std::nullopt;
}

void consumer_core::warn_of_slow_drain(const error& why) {
  log_.warning(with_.name, "a drain waits for a read that is under way, for it can't end that at the server",
               {{"error", why.what()}, {"longest", to_text(longest_read)}});
}

std::size_t consumer_core::wait_for_room() {
  lock held(mutex_);
  changed_.wait(held, [&] { return draining_ || book_.room() > 0; });
  return draining_ ? 0 : book_.room();
}

result<bool, error> consumer_core::claim(connection& on, const context& ends) {
  auto found = group_.pending(on, within(ends, how_.connect_within), "-", most_at_once, with_.claim_after);
  if (!found) return found.error();
  const bool is_all = found->size() < most_at_once;
  entry_book::claims which;
  {
    const lock held(mutex_);
    if (draining_) return false;
    which = book_.to_claim(std::move(*found), steady().now());
  }
  if (!which.now.empty()) {
    auto claimed = answer_of(
        ends, [&] { return group_.claim(on, within(ends, how_.connect_within), which.now, with_.claim_after); });
    if (!claimed) return claimed.error();
    take(std::move(*claimed), true);
  }
  return which.some_wait || !is_all;
}

// What the queue does not take any more, because it was forced, stays in the book.
void consumer_core::take(std::vector<entry> entries, bool claimed) {
  for (entry& each : entries) {
    {
      const lock held(mutex_);
      if (!book_.take(each, claimed)) continue;
      if (with_.most_tries > 0 && each.tries > with_.most_tries) {
        --each.tries;  // this one is none
        book_.dead({.of = std::move(each), .why = "given out so often, and nobody has acknowledged it"});
        changed_.notify_all();
        continue;
      }
    }
    static_cast<void>(queue_->try_push(std::move(each)));
  }
}

std::optional<error> consumer_core::give_back_what_never_came(connection& on, const context& with) {
  std::optional<time_point> since;
  {
    const lock held(mutex_);
    since = unanswered_;
  }
  if (!since) return std::nullopt;
  for (std::string from = "-";;) {
    auto ours = group_.pending(on, within(with, how_.connect_within), from, most_at_once, std::nullopt);
    if (!ours) return ours.error();
    const bool is_last = ours->size() < most_at_once;
    if (!is_last) from = "(" + ours->back().id;
    std::vector<pending_entry> never_came;
    {
      const lock held(mutex_);
      never_came = book_.on_their_way(std::move(*ours), *since, steady().now());
    }
    if (auto why = group_.give_back(on, within(with, how_.connect_within), never_came, with_.claim_after)) return why;
    const lock held(mutex_);
    if (draining_)
      for (const pending_entry& each : never_came) never_came_.push_back(each.id);
    if (is_last) unanswered_.reset();
    if (is_last) return std::nullopt;
  }
}

}  // namespace lastcall::inline v0::redis::detail
