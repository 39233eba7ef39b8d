// The workers of a consumer.
#include "lastcall/adapters/kafka/consumer_core.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::kafka::detail {

void consumer_core::begin_worker(std::size_t worker) {
  const lock held(mutex_);
  const lastcall::detail::no_signals_of_others blocked;
  threads_.reserve(threads_.size() + 1);
  threads_.push_back(lastcall::detail::own_thread([self = shared_from_this(), worker] { self->keep_working(worker); }));
  ++workers_;
}

void consumer_core::keep_working(std::size_t worker) {
  const watched_thread self(with_.name, "worker");
  lock held(mutex_);
  while (phase_ != phase::stopped) {
    const time_point now = steady().now();
    if (consume_book::entry* const it = book_.take(now)) {
      message& of = static_cast<message_item&>(*it->it).it;
      of.failures = it->failures;
      in_work_[worker] = {
          .it = it, .since = now, .with = context_source(contexts_.at(it->of->in).get()).get(), .label = to_text(of)};
      if (book_.can_take(now)) work_comes_.notify_one();
      const bool poison = it->poison;
      const std::string why = it->why;
      held.unlock();
      work_on(worker, of, why, poison);
      held.lock();
    } else if (const auto due = book_.next_due()) {
      work_comes_.wait_until(held, *due);
    } else {
      work_comes_.wait(held);
    }
  }
  --workers_;
  settled_.notify_all();
}

void consumer_core::work_on(std::size_t worker, const message& of, const std::string& why, bool poison) {
  // Nobody else changes them until the work is over.
  const context& with = in_work_[worker].with;
  try {
    const activity doing(in_work_[worker].label);
    work_over(worker, exception_of([&] { poison ? with_.poison(of, why, with) : with_.work(of, with); }));
  } catch (const forced_unwind&) {
    work_over(worker, std::make_exception_ptr(thread_ended()));
    const std::exception_ptr no_thread = exception_of([&] { begin_worker(worker); });
    if (no_thread) log_.error(with_.name, "a worker is gone", {{"error", lastcall::to_text(no_thread)}});
    const lock held(mutex_);
    --workers_;
    settled_.notify_all();
    throw;
  }
}

void consumer_core::work_over(std::size_t worker, const std::exception_ptr& threw) noexcept {
  lock held(mutex_);
  const work_under_way was = std::exchange(in_work_[worker], {});
  std::optional<std::uint64_t> untold;
  const std::string why = threw ? lastcall::to_text(threw) : std::string();
  const std::size_t failures = was.it->failures + 1;
  const bool poison = was.it->poison;
  if (!threw) {
    if (!book_.done(*was.it)) name_uncommitted(held, was.label, 1);
  } else if (was.with.forced()) {
    book_.cut(*was.it);
  } else {
    const time_point now = steady().now();
    untold = failures_logged_.admit(now);
    book_.failed(*was.it, why, now, std::generate_canonical<double, 24>(random_));
  }
  tell_uncommitted(held);
  settle(held);
  client_.woken().notify();
  if (untold)
    log_.error(with_.name, poison ? "poison threw; the message is tried again" : "a message failed",
               {{"message", was.label},
                {"error", why},
                {"failures", std::to_string(failures)},
                {"left_out", std::to_string(*untold)}});
}

}  // namespace lastcall::inline v0::kafka::detail
