#include "lastcall/work/work_queue_core.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::detail {

namespace {

constexpr std::size_t most_told = 4;  // items, in the text of an error

std::string_view label_of(const queue_item& it) { return it.label.empty() ? "item" : std::string_view(it.label); }

}  // namespace

void check(const work_queue_settings& of) {
  const option_check in(of.name);
  in.number("workers", of.workers, 1, 10'000);
  in.number("most", of.within.most, 1, option_check::most_things);
  in.number("most_bytes", of.within.most_bytes, 0, option_check::most_bytes);
  in.time_above_zero("longest_wait", of.longest_wait);
}

struct work_queue_core::blocked_caller final : queue_waiter {
  using queue_waiter::queue_waiter;
  void told() noexcept override { changed.notify_one(); }  // under the lock: the caller may destroy it right after

  std::condition_variable changed;
};

work_queue_core::work_queue_core(work_queue_settings with, logger log)
    : settings_(std::move(with)), log_(std::move(log)), book_(settings_.within), in_work_(settings_.workers) {}

work_queue_core::~work_queue_core() = default;

work_queue_core::answer work_queue_core::push(const context& with, std::unique_ptr<queue_item>& it) {
  blocked_caller me(std::move(it));
  const time_point until = longest_wait_from(steady().now());
  std::optional<answer> came;
  try {
    came = begin(me, with);
  } catch (...) {  // caught: thrown again
    it = std::move(me.item);
    throw;
  }
  if (!came) {
    {
      const stop_callback cut_short(with.forced_token(), [&] { give_up(me); });
      lock held(mutex_);
      me.changed.wait_until(held, until, [&] { return me.at != queue_waiter::state::waiting; });
    }
    came = finish(me, with);
  }
  it = std::move(me.item);
  return *std::move(came);
}

work_queue_core::answer work_queue_core::try_push(std::unique_ptr<queue_item>& it) {
  const lock held(mutex_);
  if (const auto why = refusal(held, *it, {})) return refused(held, *why, {});
  const std::size_t ahead = book_.waiting();
  if (!book_.add(it, steady().now())) return refused(held, not_queued::reason::full, {});
  work_comes_.notify_one();
  return ahead;
}

std::optional<work_queue_core::answer> work_queue_core::begin(queue_waiter& who, const context& with) {
  const lock held(mutex_);
  if (const auto why = refusal(held, *who.item, with)) return refused(held, *why, with);
  const std::size_t ahead = book_.waiting();
  if (!book_.add(who.item, steady().now())) {
    book_.enqueue(who);
    return std::nullopt;
  }
  work_comes_.notify_one();
  return ahead;
}

work_queue_core::answer work_queue_core::finish(queue_waiter& who, const context& with) {
  const lock held(mutex_);
  const auto came = who.at;
  if (came == queue_waiter::state::waiting) withdraw(held, who);
  who.at = queue_waiter::state::outside;
  if (came == queue_waiter::state::granted) return who.ahead;
  if (const auto why = refusal(held, *who.item, with)) return refused(held, *why, with);
  return refused(held, not_queued::reason::full, with, " within " + to_text(settings_.longest_wait));
}

void work_queue_core::give_up(queue_waiter& who) noexcept {
  const lock held(mutex_);
  if (who.at != queue_waiter::state::waiting) return;
  withdraw(held, who);
  who.told();
}

void work_queue_core::abandon(queue_waiter& who) noexcept {
  const lock held(mutex_);
  if (who.at == queue_waiter::state::waiting) withdraw(held, who);
}

void work_queue_core::withdraw(const lock&, queue_waiter& who) noexcept {
  book_.withdraw(who, steady().now());
  if (book_.can_take()) work_comes_.notify_one();
}

std::optional<not_queued::reason> work_queue_core::refusal(const lock&, const queue_item& it,
                                                           const context& with) const {
  if (phase_ == phase::made)
    throw std::logic_error(settings_.name + ": has not started; name it in the needs of what uses it");
  if (phase_ == phase::stopped) return not_queued::reason::draining;
  if (with.forced()) return not_queued::reason::forced;
  if (book_.is_closed()) return not_queued::reason::draining;
  if (book_.fits_never(it)) return not_queued::reason::too_large;
  return std::nullopt;
}

not_queued work_queue_core::refused(const lock& held, not_queued::reason why, const context& with,
                                    std::string_view within) {
  ++count_.refused[static_cast<std::size_t>(why)];
  const auto because = [&](const std::string& text) { return not_queued(why, settings_.name + ": " + text); };
  switch (why) {
    case not_queued::reason::draining:
      return because(phase_ == phase::stopped ? "has stopped; name it in the needs of what uses it"
                                              : "takes nothing any more, it drains");
    case not_queued::reason::forced:
      return because(std::string("the caller's context was forced (") + to_text(with.cause()) + ")");
    case not_queued::reason::too_large:
      return because("the item has more than the " + std::to_string(settings_.within.most_bytes) +
                     " bytes that it takes in all");
    case not_queued::reason::full:
      break;
  }
  return because("no room" + std::string(within) + ": " + std::to_string(book_.waiting()) + " wait, " +
                 std::to_string(book_.in_work()) + " of " + std::to_string(settings_.workers) +
                 " workers are at work: " + at_work(held, steady().now()));
}

std::string work_queue_core::at_work(const lock&, time_point now) const {
  std::vector<const item_in_work*> longest;
  for (const item_in_work& one : in_work_)
    if (one.it) longest.push_back(&one);
  std::ranges::sort(longest, {}, &item_in_work::since);
  std::string text;
  for (const item_in_work* one : longest) {
    if (one == longest[std::min(longest.size(), most_told) - 1] && longest.size() > most_told)
      return text + ", and " + std::to_string(longest.size() - most_told + 1) + " more";
    text.append(text.empty() ? "" : ", ")
        .append(label_of(*one->it))
        .append(" for ")
        .append(to_text(std::chrono::floor<std::chrono::milliseconds>(now - one->since)));
  }
  return text.empty() ? "none" : text;
}

bool work_queue_core::is_idle(const lock&) const noexcept {
  return book_.is_closed() && book_.waiting() == 0 && book_.in_work() == 0 && handing_back_ == 0;
}

std::size_t work_queue_core::left(const lock&) const noexcept {
  return book_.waiting() + book_.in_work() + handing_back_ + left_.size() + not_taken_back_;
}

void work_queue_core::settle(lock& held) noexcept {
  drained call;
  if (is_idle(held)) call = std::exchange(done_, nullptr);
  held.unlock();
  settled_.notify_all();
  if (call) call();
}

void work_queue_core::start() {
  {
    const lock held(mutex_);
    phase_ = phase::started;
  }
  try {
    for (std::size_t worker = 0; worker < settings_.workers; ++worker) begin_worker(worker);
  } catch (...) {  // caught: thrown again
    stop();
    throw;
  }
}

void work_queue_core::begin_worker(std::size_t worker) {
  const lock held(mutex_);
  const no_signals_of_others blocked;
  threads_.reserve(threads_.size() + 1);
  threads_.push_back(own_thread([self = shared_from_this(), worker] { self->keep_working(worker); }));
  ++workers_;
}

void work_queue_core::keep_working(std::size_t worker) {
  const watched_thread self(settings_.name, "worker");
  lock held(mutex_);
  for (;;) {
    const time_point now = steady().now();
    if (auto it = book_.take(now)) {
      const double waited = std::chrono::duration<double>(now - it->came).count();
      const auto above = std::ranges::lower_bound(wait_bounds, waited);
      ++count_.waits[static_cast<std::size_t>(above - wait_bounds.begin())];
      count_.waited += now - it->came;
      in_work_[worker] = {.it = std::move(it), .since = now, .with = context_source(life_.get()).get()};
      if (book_.can_take()) work_comes_.notify_one();
      held.unlock();
      work_on(worker);
      held.lock();
    } else if (phase_ == phase::stopped) {
      break;
    } else {
      work_comes_.wait(held);
    }
  }
  --workers_;
  settled_.notify_all();
}

void work_queue_core::work_on(std::size_t worker) {
  // Nobody else changes them until the work is over.
  queue_item& it = *in_work_[worker].it;
  const context& with = in_work_[worker].with;
  try {
    const activity doing(label_of(it));
    work_over(worker, exception_of([&] { work(it, with); }));
  } catch (const forced_unwind&) {
    work_over(worker, std::make_exception_ptr(thread_ended()));
    const std::exception_ptr no_thread = exception_of([&] { begin_worker(worker); });
    if (no_thread) log_.error(settings_.name, "a worker is gone", {{"error", to_text(no_thread)}});
    const lock held(mutex_);
    --workers_;
    settled_.notify_all();
    throw;
  }
}

void work_queue_core::work_over(std::size_t worker, const std::exception_ptr& threw) noexcept {
  lock held(mutex_);
  std::unique_ptr<queue_item> it = std::move(in_work_[worker].it);
  const context with = std::exchange(in_work_[worker].with, {});
  if (threw && with.forced()) {  // it was cut
    book_.over(it->key);
    if (!settings_.hands_back) {
      left_.push_back(std::move(it));
      return settle(held);
    }
    ++handing_back_;
    held.unlock();
    queue_items one;
    one.push_back(std::move(it));
    return give_back(std::move(one));
  }
  const auto untold = threw ? failures_logged_.admit(steady().now()) : std::nullopt;
  ++(threw ? count_.failed : count_.done);
  held.unlock();
  if (untold)
    log_.error(settings_.name, "an item failed",
               {{"item", label_of(*it)}, {"error", to_text(threw)}, {"left_out", std::to_string(*untold)}});
  const std::string key = it->key;
  it = nullptr;  // before anyone hears that its work has ended
  held.lock();
  book_.over(key);
  if (book_.can_take()) work_comes_.notify_one();
  settle(held);
}

void work_queue_core::end_what_waits(lock& held) noexcept {
  const auto rest = std::make_shared<queue_items>(book_.take_rest());
  if (rest->empty()) return;
  if (!settings_.hands_back) {
    std::ranges::move(*rest, std::back_inserter(left_));
    return;
  }
  handing_back_ += rest->size();
  const no_signals_of_others blocked;
  if (exception_of([&] {
        threads_.reserve(threads_.size() + 1);
        threads_.push_back(own_thread([self = shared_from_this(), rest] {
          const watched_thread listed(self->settings_.name, "hand back");
          const activity doing("hand_back");
          self->give_back(std::move(*rest));
        }));
      }) == nullptr)
    return;
  held.unlock();  // no thread is left: this one does it
  give_back(std::move(*rest));
  held.lock();
}

void work_queue_core::give_back(queue_items rest) {
  const std::size_t items = rest.size();
  try {
    given_back(items, exception_of([&] { hand_back(std::move(rest)); }));
  } catch (const forced_unwind&) {
    given_back(items, std::make_exception_ptr(thread_ended()));
    throw;
  }
}

void work_queue_core::given_back(std::size_t items, const std::exception_ptr& threw) noexcept {
  if (threw)
    log_.error(settings_.name, "hand_back threw", {{"items", std::to_string(items)}, {"error", to_text(threw)}});
  lock held(mutex_);
  handing_back_ -= items;
  (threw ? not_taken_back_ : count_.handed_back) += items;
  settle(held);
}

void work_queue_core::drain(const context& ends, drained done) {
  lock held(mutex_);
  phase_ = phase::draining;
  done_ = std::move(done);
  book_.close();
  if (!settings_.finishes) end_what_waits(held);
  settle(held);
  life_.begin_drain(ends.drain_end());
}

void work_queue_core::force() noexcept {
  lock held(mutex_);
  book_.close();
  end_what_waits(held);
  settle(held);
  life_.force();
}

// It waits for workers and for hand_back, and the lifecycle does not wait for ever.
void work_queue_core::stop() noexcept {
  lock held(mutex_);
  if (phase_ == phase::made || phase_ == phase::stopped) return;
  phase_ = phase::stopped;
  book_.close();
  end_what_waits(held);
  work_comes_.notify_all();
  settled_.wait(held, [&] { return is_idle(held) && workers_ == 0; });
  const std::size_t lost = left(held);
  std::vector<own_thread> over = std::move(threads_);
  held.unlock();
  for (own_thread& each : over) each.join();  // they hold the program's calls, which may go once this returns
  if (lost > 0)
    static_cast<void>(exception_of([&] {
      log_.error(
          settings_.name, "has stopped, and items are left that nobody has worked on",
          {{"left", std::to_string(lost)}, {"first", left_.empty() ? std::string_view() : label_of(*left_.front())}});
    }));
}

void work_queue_core::leave() noexcept {
  {
    const lock held(mutex_);
    if (phase_ == phase::made || phase_ == phase::stopped) return;
    phase_ = phase::stopped;
    book_.close();
    left_ = book_.take_rest();  // what hand_back stands on may have gone
    for (own_thread& each : threads_) each.detach();
    threads_.clear();
    work_comes_.notify_all();
  }
  life_.force();
}

void work_queue_core::account(component_report& out) const {
  const lock held(mutex_);
  out.add("done", count_.done);
  if (count_.failed > 0) out.add("failed", count_.failed);
  if (count_.handed_back > 0) out.add("handed_back", count_.handed_back);
  if (left(held) > 0) out.add("left", left(held));
  out.lost = left(held) > 0;
}

void work_queue_core::measure(metrics& into) const {
  const lock held(mutex_);
  const auto number = [](std::size_t of) { return static_cast<double>(of); };
  into.gauge("lastcall_queue_waiting", "Items that wait.", number(book_.waiting()));
  into.gauge("lastcall_queue_bytes", "Bytes of the items that wait.", number(book_.bytes()));
  into.gauge("lastcall_queue_most", "The most items that wait.", number(settings_.within.most));
  into.gauge("lastcall_queue_in_work", "Items that a worker is at work on.", number(book_.in_work()));
  into.gauge("lastcall_queue_producers_waiting", "Producers that wait for room.", number(book_.producers()));
  constexpr std::string_view ended = "Items that have left the queue.";
  into.counter("lastcall_queue_items_total", ended, count_.done, {{"end", "done"}});
  into.counter("lastcall_queue_items_total", ended, count_.failed, {{"end", "failed"}});
  into.counter("lastcall_queue_items_total", ended, count_.handed_back, {{"end", "handed_back"}});
  for (std::size_t why = 0; why < count_.refused.size(); ++why)
    into.counter("lastcall_queue_refused_total", "Items that the queue did not take.", count_.refused[why],
                 {{"why", enum_name(static_cast<not_queued::reason>(why))}});
  into.histogram("lastcall_queue_wait_seconds", "How long items waited.", wait_bounds, count_.waits,
                 std::chrono::duration<double>(count_.waited).count());
  into.show("queued", book_.waiting()).show("in_work", book_.in_work());
}

void work_queue_core::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  const time_point now = steady().now();
  std::vector<work_item> items;
  {
    const lock held(mutex_);
    for (const item_in_work& one : in_work_)
      if (one.it)
        items.push_back(
            {.label = std::string(label_of(*one.it)), .age = now - one.since, .waits_for = one.with.waits_for()});
    std::ranges::sort(items, std::ranges::greater(), &work_item::age);
    for (const auto& it : book_.next()) {
      if (items.size() >= limit) break;
      items.push_back({.label = "queued: " + std::string(label_of(*it)), .age = now - it->came});
    }
  }
  items.resize(std::min(items.size(), limit));
  std::ranges::move(items, std::back_inserter(out));
}

}  // namespace lastcall::inline v0::detail
