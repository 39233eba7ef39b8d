#include "lastcall/work/pool_core.hpp"

#include <algorithm>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::detail {

namespace {

constexpr std::size_t most_named = 4;  // holders, in the text of an error

std::string place(const std::source_location& where) {
  std::string_view file = where.file_name();
  if (const std::size_t folders = file.rfind('/'); folders != file.npos) file.remove_prefix(folders + 1);
  return std::string(file) + ":" + std::to_string(where.line());
}

std::string in_ms(duration of) { return to_text(std::chrono::floor<std::chrono::milliseconds>(of)); }

}  // namespace

void check(const pool_settings& of) {
  const option_check in(of.name);
  in.number("most", of.timing.most, 1, 10'000);
  in.number("kept_idle", of.timing.kept_idle, 0, of.timing.most);
  in.time_above_zero("longest_wait", of.longest_wait);
  in.time_above_zero("close_within", of.close_within);
  in.time_above_zero("lifetime", of.timing.lifetime);
  in.time_above_zero("idle_time", of.timing.idle_time);
  in.time("check_after", of.check_after);
  if (of.unready_after) in.time("unready_after", *of.unready_after);
}

struct pool_core::blocked_caller final : lease_waiter {
  void told() noexcept override { changed.notify_one(); }  // under the lock: the caller may destroy it right after

  std::condition_variable changed;
};

pool_core::pool_core(pool_settings with, logger log)
    : settings_(std::move(with)), log_(std::move(log)), book_(settings_.timing), holders_(settings_.timing.most) {
  to_cancel_.reserve(settings_.timing.most);
}

pool_core::answer pool_core::acquire(const context& with, std::source_location where) {
  const time_point began = steady().now();
  for (;;) {
    blocked_caller me;
    if (auto at_once = begin(me, with, began, where)) return *std::move(at_once);
    {
      const stop_callback cut_short(with.forced_token(), [&] { give_up(me); });
      lock held(mutex_);
      me.changed.wait_until(held, longest_wait_from(began), [&] { return me.at != lease_waiter::state::waiting; });
    }
    if (auto given = finish(me, with, began, where)) return *std::move(given);
  }
}

std::optional<pool_core::answer> pool_core::begin(lease_waiter& who, const context& with, time_point began,
                                                  std::source_location where) {
  for (;;) {
    lock held(mutex_);
    if (phase_ == phase::made)
      throw std::logic_error(settings_.name + ": has not started; name it in the needs of what uses it");
    if (book_.is_closed() || with.forced()) return refused(held, with);
    const auto slot = book_.lend();
    if (!slot) {
      book_.enqueue(who);
      if (book_.occupied() < settings_.timing.most) keeper_wakes_.notify_one();
      return std::nullopt;
    }
    const time_point idle_since = book_.idle_since(*slot);
    hold(held, *slot, began, where);
    held.unlock();
    if (auto given = usable(*slot, idle_since, began)) return given;
  }
}

std::optional<pool_core::answer> pool_core::finish(lease_waiter& who, const context& with, time_point began,
                                                   std::source_location where) {
  const time_point now = steady().now();
  lock held(mutex_);
  count_.waited += now - began;
  const auto above = std::ranges::lower_bound(wait_bounds, std::chrono::duration<double>(now - began).count());
  ++count_.waits[static_cast<std::size_t>(above - wait_bounds.begin())];
  const auto came = who.at;
  if (came == lease_waiter::state::waiting) book_.withdraw(who);
  who.at = lease_waiter::state::outside;
  if (came == lease_waiter::state::waiting && !with.forced()) {
    ++count_.timed_out;
    return out_of_time(held, now);
  }
  if (came != lease_waiter::state::granted) return refused(held, with);
  const time_point idle_since = book_.idle_since(who.slot);
  hold(held, who.slot, now, where);
  held.unlock();
  return usable(who.slot, idle_since, now);
}

void pool_core::give_up(lease_waiter& who) noexcept {
  const lock held(mutex_);
  if (who.at != lease_waiter::state::waiting) return;
  book_.withdraw(who);
  who.told();
}

void pool_core::abandon(lease_waiter& who) noexcept {
  lock held(mutex_);
  if (who.at == lease_waiter::state::waiting) book_.withdraw(who);
  if (std::exchange(who.at, lease_waiter::state::outside) == lease_waiter::state::granted) back(held, who.slot, true);
}

void pool_core::hold(const lock&, std::size_t slot, time_point now, std::source_location where) noexcept {
  holder& of = holders_[slot];
  of.where = where;
  of.since = now;
  of.label.clear();
  ++count_.lent;
}

std::optional<pool_core::answer> pool_core::usable(std::size_t slot, time_point idle_since, time_point now) {
  if (now - idle_since < settings_.check_after || check(slot)) return answer(slot);
  lock held(mutex_);
  back(held, slot, false);
  return std::nullopt;
}

no_lease pool_core::refused(const lock& held, const context& with) const {
  if (phase_ == phase::stopped)
    return {no_lease::reason::draining, settings_.name + ": has stopped; name it in the needs of what uses it"};
  if (with.forced()) {
    const std::string who = book_.lent() > 0 ? ": " + lent(held, steady().now()) : std::string();
    return {no_lease::reason::forced,
            settings_.name + ": the caller's context was forced (" + to_text(with.cause()) + ")" + who};
  }
  return {no_lease::reason::draining, settings_.name + ": lends nothing any more, it drains"};
}

no_lease pool_core::out_of_time(const lock& held, time_point now) const {
  const std::string within = settings_.name + ": no lease within " + to_text(settings_.longest_wait) + ": ";
  if (book_.lent() > 0) return {no_lease::reason::timed_out, within + lent(held, now)};
  const auto since = book_.failing_since();
  return {no_lease::reason::not_opened,
          within + (since ? "none could be opened for " + in_ms(now - *since) + ": " + last_failure_
                          : std::string("the first has not been opened yet"))};
}

std::string pool_core::lent(const lock& held, time_point now) const {
  return std::to_string(book_.lent()) + " of " + std::to_string(settings_.timing.most) +
         " are lent: " + holders(held, now);
}

std::string pool_core::holders(const lock&, time_point now) const {
  std::vector<const holder*> longest;
  for (std::size_t slot = 0; slot < holders_.size(); ++slot)
    if (book_.is_lent(slot)) longest.push_back(&holders_[slot]);
  std::ranges::sort(longest, {}, &holder::since);
  std::string text;
  for (const holder* of : longest) {
    if (of == longest[std::min(longest.size(), most_named) - 1] && longest.size() > most_named) {
      text.append(", and ").append(std::to_string(longest.size() - most_named + 1)).append(" more");
      break;
    }
    text.append(text.empty() ? "" : ", ").append(of->label);
    text.append(of->label.empty() ? "" : " at ")
        .append(place(of->where))
        .append(" for ")
        .append(in_ms(now - of->since));
  }
  return text;
}

void pool_core::give_back(std::size_t slot, bool is_usable) noexcept {
  lock held(mutex_);
  holder& of = holders_[slot];
  if (is_usable && settings_.checks && !book_.is_closed() && !of.cancelling) {
    of.returning = true;
    held.unlock();
    is_usable = check(slot);
    held.lock();
    of.returning = false;
  }
  back(held, slot, is_usable);
}

void pool_core::back(lock& held, std::size_t slot, bool is_usable) noexcept {
  if (holders_[slot].cancelling) {  // `cancel` still uses it; then it is given back
    holders_[slot].back = true;
    return held.unlock();
  }
  if (!is_usable && !book_.is_closed()) ++count_.broken;
  const time_point due = book_.returned(slot, is_usable, steady().now());
  book_.grant();
  // A system call, and a thread that wakes: only where it is needed.
  if (due < keeper_until_) keeper_wakes_.notify_one();
  settle(held);
}

void pool_core::settle(lock& held) noexcept {
  if (!book_.is_closed()) return held.unlock();
  drained call;
  if (book_.lent() == 0) call = std::exchange(done_, nullptr);
  held.unlock();
  settled_.notify_all();
  if (call) call();
}

void pool_core::label(std::size_t slot, std::string_view text) {
  const lock held(mutex_);
  holders_[slot].label.assign(text);
}

void pool_core::start() {
  const lock held(mutex_);
  phase_ = phase::started;
  const no_signals_of_others blocked;
  own_thread([self = shared_from_this()] { self->keep(); }).detach();
  kept_ = true;
}

void pool_core::drain(drained done) {
  lock held(mutex_);
  phase_ = phase::draining;
  done_ = std::move(done);
  book_.close();
  keeper_wakes_.notify_one();
  settle(held);
  opening_.force(cause::draining);
}

void pool_core::force() noexcept {
  {
    const lock held(mutex_);
    book_.close();
    if (settings_.cancels)
      for (std::size_t slot = 0; slot < holders_.size(); ++slot)
        if (book_.is_lent(slot)) to_cancel_.push_back(slot);
    keeper_wakes_.notify_one();
  }
  opening_.force();
}

void pool_core::stop() noexcept {
  lock held(mutex_);
  if (phase_ == phase::made || phase_ == phase::stopped) return;
  phase_ = phase::stopped;
  book_.close();
  keeper_wakes_.notify_one();
  const duration within = stops_within_ ? std::min(settings_.close_within, stops_within_()) : settings_.close_within;
  settled_.wait_until(held, later(steady().now(), within), [&] { return book_.occupied() == book_.lent() || !kept_; });
  const std::size_t out = book_.lent();
  const std::size_t left = book_.occupied() - out;
  if (exception_of([&] {
        const std::string who = out > 0 ? holders(held, steady().now()) : std::string();
        held.unlock();
        if (left > 0)
          log_.warning(settings_.name, "some did not close in time and are left behind",
                       {{"left", std::to_string(left)}, {"close_within", to_text(within)}});
        if (out > 0)
          log_.error(settings_.name, "has stopped while leases are out; whoever holds them must not be ended after it",
                     {{"leases", std::to_string(out)}, {"holders", who}});
      }) != nullptr &&
      held.owns_lock())
    held.unlock();
}

// The thread of the pool. It waits, and begins a thread for each call that may block.
void pool_core::keep() {
  const watched_thread self(settings_.name, "pool");
  lock held(mutex_);
  while (phase_ != phase::stopped || book_.occupied() > 0) {
    const time_point now = steady().now();
    book_.expire(now);
    if (!begin_jobs(held)) {
      keeper_until_ = book_.wakes(now);
      if (keeper_until_ == time_point::max()) {
        keeper_wakes_.wait(held);
      } else {
        keeper_wakes_.wait_until(held, keeper_until_);
      }
      keeper_until_ = time_point::min();  // it looks at everything before it waits again
    }
  }
  kept_ = false;
  settled_.notify_all();
}

bool pool_core::begin_jobs(lock& held) {
  function<void(pool_core&)> job;
  if (const auto slot = book_.next_to_close()) {
    job = [which = *slot](pool_core& of) { of.close_one(which); };
  } else if (const auto wanted = book_.next_to_open(steady().now())) {
    job = [which = *wanted](pool_core& of) { of.open_one(which); };
  } else if (!to_cancel_.empty()) {
    const std::size_t which = to_cancel_.back();
    to_cancel_.pop_back();
    if (!book_.is_lent(which) || holders_[which].returning || holders_[which].cancelling) return true;
    holders_[which].cancelling = true;
    job = [which](pool_core& of) { of.cancel_one(which); };
  } else {
    return false;
  }
  held.unlock();
  run(std::move(job));
  held.lock();
  return true;
}

void pool_core::run(function<void(pool_core&)> job) noexcept {
  const auto shared = std::make_shared<function<void(pool_core&)>>(std::move(job));
  const no_signals_of_others blocked;
  if (exception_of([&] {
        own_thread([self = shared_from_this(), shared] {
          const watched_thread listed(self->settings_.name, "pool");
          (*shared)(*self);
        }).detach();
      }) != nullptr)
    (*shared)(*this);  // no thread is left: the keeper does it itself
}

void pool_core::open_one(std::size_t slot) {
  const activity doing("open");
  const std::exception_ptr failed = exception_of([&] { open(slot, opening_.get()); });
  const std::string why = failed ? to_text(failed) : std::string();
  lock held(mutex_);
  const time_point now = steady().now();
  const double random = std::generate_canonical<double, 24>(random_);
  const auto failing = book_.failing_since();
  if (failed) {
    ++count_.failed_to_open;
    last_failure_ = why;
    book_.failed_to_open(slot, now, random);
  } else {
    ++count_.opened;
    book_.opened(slot, now, random);
    book_.grant();
  }
  const duration pause = book_.pause();
  const bool ends = book_.is_closed();
  keeper_wakes_.notify_one();
  settle(held);
  if (failed && !failing && !ends)
    log_.warning(settings_.name, "can't open; tries again", {{"error", why}, {"pause", to_text(pause)}});
  if (!failed && failing) log_.info(settings_.name, "can open again", {{"after", in_ms(now - *failing)}});
}

void pool_core::close_one(std::size_t slot) noexcept {
  const activity doing("close");
  close(slot);
  lock held(mutex_);
  book_.closed(slot);
  keeper_wakes_.notify_one();
  settle(held);
}

void pool_core::cancel_one(std::size_t slot) noexcept {
  const activity doing("cancel");
  cancel(slot);
  lock held(mutex_);
  ++count_.cancelled;
  holders_[slot].cancelling = false;
  if (std::exchange(holders_[slot].back, false)) back(held, slot, false);
}

void pool_core::account(component_report& out) const {
  const lock held(mutex_);
  out.add("leases", count_.lent);
  if (count_.cancelled > 0) out.add("cancelled", count_.cancelled);
  if (count_.broken > 0) out.add("broken", count_.broken);
  if (count_.timed_out > 0) out.add("timed_out", count_.timed_out);
  if (book_.lent() > 0) out.add("left", book_.lent());
  out.lost = count_.cancelled > 0 || book_.lent() > 0;
}

void pool_core::measure(metrics& into) const {
  const lock held(mutex_);
  const auto number = [](std::size_t of) { return static_cast<double>(of); };
  into.gauge("lastcall_pool_leases", "Leases that are out.", number(book_.lent()));
  into.gauge("lastcall_pool_idle", "What is open and not lent.", number(book_.idle()));
  into.gauge("lastcall_pool_waiting", "Callers that wait for a lease.", number(book_.waiting()));
  into.gauge("lastcall_pool_most", "The most that the pool opens.", number(settings_.timing.most));
  into.counter("lastcall_pool_leases_total", "Leases given out.", count_.lent);
  into.counter("lastcall_pool_timeouts_total", "Callers that got no lease in time.", count_.timed_out);
  into.counter("lastcall_pool_opened_total", "What was opened.", count_.opened);
  into.counter("lastcall_pool_failed_openings_total", "Openings that failed.", count_.failed_to_open);
  into.counter("lastcall_pool_broken_total", "What came back broken, or was found so, and was replaced.",
               count_.broken);
  into.counter("lastcall_pool_cancelled_total", "Leases whose work was cancelled by force.", count_.cancelled);
  into.histogram("lastcall_pool_wait_seconds", "How long callers waited that got no lease at once.", wait_bounds,
                 count_.waits, std::chrono::duration<double>(count_.waited).count());
  into.show("leases", book_.lent()).show("waiting", book_.waiting());
}

std::string pool_core::unready() const {
  const lock held(mutex_);
  const auto since = book_.failing_since();
  if (!since || book_.is_closed() || book_.lent() + book_.idle() > 0) return {};
  const duration failing = steady().now() - *since;
  if (failing < settings_.unready_after) return {};
  return settings_.name + ": no connection for " +
         (failing < std::chrono::seconds(1) ? in_ms(failing)
                                            : to_text(std::chrono::floor<std::chrono::seconds>(failing)));
}

void pool_core::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  const time_point now = steady().now();
  std::vector<work_item> items;
  {
    const lock held(mutex_);
    for (std::size_t slot = 0; slot < holders_.size(); ++slot) {
      if (!book_.is_lent(slot)) continue;
      const holder& of = holders_[slot];
      items.push_back(
          {.label = (of.label.empty() ? "lease" : of.label) + " at " + place(of.where), .age = now - of.since});
    }
  }
  std::ranges::sort(items, std::ranges::greater(), &work_item::age);
  items.resize(std::min(items.size(), limit));
  std::ranges::move(items, std::back_inserter(out));
}

}  // namespace lastcall::inline v0::detail
