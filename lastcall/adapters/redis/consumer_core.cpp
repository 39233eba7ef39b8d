#include "lastcall/adapters/redis/consumer_core.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::redis::detail {

using lastcall::detail::later;

namespace {

constexpr std::size_t most_named = 10;

connection_options connection_of(const consumer_options& with) {
  return {.url = with.url,
          .user = with.user,
          .password = with.password,
          .connect_within = with.connect_within,
          .name = with.name};
}

/// "1-0, 2-0 and 3 more"
std::string named(const std::vector<std::string>& ids, std::size_t of) {
  std::string text;
  for (const std::string& id : ids) text.append(text.empty() ? "" : ", ").append(id);
  if (of > ids.size()) text.append(" and ").append(std::to_string(of - ids.size())).append(" more");
  return text;
}

}  // namespace

void check(const consumer_options& of) {
  link_access::check(connection_of(of));
  const auto needed = [&](const char* option, const std::string& value, const char* example) {
    if (value.empty()) throw std::invalid_argument(of.name + ": " + option + " = ; give " + example);
  };
  needed("stream", of.stream, "the key of the stream, as \"orders\"");
  needed("group", of.group, "the name of the group, as \"shipping\"");
  if (!of.process) throw std::invalid_argument(of.name + ": process is empty; give a function that works on an entry");
  const lastcall::detail::option_check in(of.name);
  in.number("workers", of.workers, 1, 10'000);
  in.number("most", of.most, 1, 1'000'000);
  in.number("most_tries", of.most_tries, 0, lastcall::detail::option_check::most_things);
  in.time("claim_after", of.claim_after, std::chrono::milliseconds(10));
  in.time_above_zero("acknowledge_within", of.acknowledge_within);
  if (of.dead_letters == of.stream)
    throw std::invalid_argument(of.name + ": dead_letters = " + of.stream + "; give another stream");
}

consumer_core::consumer_core(consumer_options with, logger log)
    : with_(std::move(with)),
      how_(connection_of(with_)),
      group_{.stream = with_.stream, .group = with_.group, .consumer = with_.consumer},
      log_(std::move(log)),
      connections_(std::make_shared<link_group>(log_)),
      // Who claims what has failed here has tried it by twice that time.
      book_(with_.workers, with_.most, 2 * with_.claim_after) {
  queue_ = std::make_unique<work_queue<entry>>(
      work_queue_options<entry>{.work = [this](entry& on, const context& of) { process(on, of); },
                                .label = [](const entry& of) { return of.id; },
                                .hand_back = [](std::vector<entry>) {},  // the book has them, and the server
                                .workers = with_.workers,
                                .most = with_.most,
                                .name = with_.name},
      log_);
}

// A thread of the queue. However its work ends, the book knows.
void consumer_core::process(const entry& on, const context& with) {
  struct outcome {
    ~outcome() {
      const std::lock_guard held(of.mutex_);
      if (threw && (cut || of.draining_)) return;  // it stays held: not acknowledged, and named
      if (!threw) {
        of.book_.done(on.id);
        if (!of.untold_since_) of.untold_since_ = steady().now();
      } else if (of.with_.most_tries > 0 && on.tries >= of.with_.most_tries) {
        of.book_.dead({.of = on, .why = why});
      } else {
        of.book_.failed(on.id, steady().now());
      }
      of.changed_.notify_all();
    }
    consumer_core& of;
    const entry& on;
    bool threw = true;
    bool cut = false;
    std::string why = "its thread was ended";
  } came{.of = *this, .on = on};
  {
    const std::lock_guard held(mutex_);
    book_.begun(on.id);
  }
  const std::exception_ptr error = exception_of([&] { with_.process(on, with); });
  came.threw = error != nullptr;
  came.cut = with.forced();
  if (!error) return;
  came.why = to_text(error);
  std::rethrow_exception(error);
}

void consumer_core::run(const context& ends) {
  const stop_callback drains(ends.draining_token(), [this] {
    const std::lock_guard held(mutex_);
    draining_ = true;
    changed_.notify_all();
  });
  const stop_callback forced(ends.forced_token(), [this] {
    const std::lock_guard held(mutex_);
    forced_ = steady().now();
    changed_.notify_all();
  });
  lastcall::detail::own_thread teller;
  {
    const lastcall::detail::no_signals_of_others blocked;
    teller = lastcall::detail::own_thread([self = shared_from_this()] { self->keep_telling(); });
  }
  const std::exception_ptr threw = exception_of([&] { read(ends); });
  finish(ends);
  teller.join();
  if (threw) std::rethrow_exception(threw);
}

void consumer_core::force(duration most) noexcept {
  {
    const std::lock_guard held(mutex_);
    longest_telling_ = most;
    changed_.notify_all();
  }
  queue_->force();
}

void consumer_core::finish(const context& ends) {
  queue_->drain(ends, [self = shared_from_this()] {
    const std::lock_guard held(self->mutex_);
    self->finished_ = true;
    self->changed_.notify_all();
  });
  lock held(mutex_);
  draining_ = true;  // also when the reading threw
  reading_ = false;
  changed_.notify_all();
  while (!told_) {
    if (!forced_) {
      changed_.wait(held);
      continue;
    }
    const time_point end = later(*forced_, std::min<duration>(with_.acknowledge_within, longest_telling_));
    if (steady().now() < end) {
      changed_.wait_until(held, end);
      continue;
    }
    held.unlock();
    telling_.force();
    held.lock();
    changed_.notify_all();
    changed_.wait(held, [&] { return told_; });
  }
  changed_.wait(held, [&] { return finished_; });
  const auto [ids, count] = unacknowledged(held);
  const bool unanswered = unanswered_.has_value();
  held.unlock();
  if (count > 0)
    log_.warning(with_.name, "some entries are not acknowledged; they will be processed again", {{"entries", ids}});
  if (unanswered) log_.warning(with_.name, "its last read was not answered; what it was given will be processed again");
}

std::pair<std::string, std::size_t> consumer_core::unacknowledged(const lock&) const {
  std::vector<std::string> first = book_.held(most_named);
  for (const std::string& id : never_came_)
    if (first.size() < most_named) first.push_back(id);
  const std::size_t all = book_.size() + never_came_.size();
  return {named(first, all), all};
}

void consumer_core::warn(std::string_view what, const error& why) {
  std::optional<std::uint64_t> left_out;
  {
    const lock held(mutex_);
    left_out = lines_.admit(steady().now());
  }
  if (left_out) log_.warning(with_.name, what, {{"error", why.what()}, {"left_out", std::to_string(*left_out)}});
}

void consumer_core::account(component_report& out) const {
  queue_->account(out);
  const lock held(mutex_);
  const auto& counted = book_.counted();
  out.add("acknowledged", counted.acknowledged);
  if (counted.claimed > 0) out.add("claimed", counted.claimed);
  if (counted.dead > 0) out.add("dead", counted.dead);
  const auto [ids, count] = unacknowledged(held);
  if (count > 0) {
    out.add("unacknowledged", count);
    out.add("unacknowledged_ids", report_value(ids));
  }
  if (unanswered_) out.add("unanswered", std::uint64_t{1});
  out.lost = count > 0 || unanswered_;
}

void consumer_core::measure(metrics& into) const {
  queue_->measure(into);
  const lock held(mutex_);
  const auto& counted = book_.counted();
  into.gauge("lastcall_redis_unacknowledged", "Entries that are read and not acknowledged.",
             static_cast<double>(book_.size()));
  into.counter("lastcall_redis_acknowledged_total", "Entries that are done and acknowledged.", counted.acknowledged);
  into.counter("lastcall_redis_claimed_total", "Entries that were claimed from another consumer, or tried again.",
               counted.claimed);
  into.counter("lastcall_redis_dead_letters_total", "Entries that were moved to the dead letters.", counted.dead);
}

void consumer_core::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  queue_->in_progress(out, limit);
  const lock held(mutex_);
  if (untold_since_ && out.size() < limit)
    out.push_back({.label = "acknowledges " + std::to_string(book_.to_acknowledge(with_.most).size()) + " entries",
                   .age = steady().now() - *untold_since_});
  if (draining_ && unanswered_ && out.size() < limit)
    out.push_back({.label = "a read that was not answered", .age = steady().now() - *unanswered_});
}

}  // namespace lastcall::inline v0::redis::detail
