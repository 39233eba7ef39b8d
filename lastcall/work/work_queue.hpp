// Work that is done behind the caller's back: a bounded queue, and workers that take from it. The queue is in memory;
// what must outlive the process is handed back at its end, or kept by the program before it is pushed.
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/work/work_queue_core.hpp"

namespace lastcall::inline v0 {

template <class T> struct work_queue_options {
  /// Works on one item. When it throws, the item has failed: a line of the log, one each second, and the next one's
  /// turn.   Threads: a worker's, several at once.   Blocks: may; it should look at the context, which drains with the
  /// queue and is then forced. An item that it gives up then must end in an exception: one that returns is done. (A
  /// child that is killed does not throw: see the status that run_child returns.)
  function<void(T&, const context&)> work;
  /// Items of one key are worked on one at a time, in the order in which they came. Empty: there is no order.
  /// Threads: the producer's.
  function<std::string(const T&)> key = {};
  /// What an item counts against `most_bytes`.   Threads: the producer's.
  function<std::size_t(const T&)> bytes = {};
  /// What an item is, for reports and logs: "order 17". Never a secret.   Threads: the producer's.
  function<std::string(const T&)> label = {};
  /// Gets what nobody will work on, in the order in which it came: to keep it for the next process. Called once for all
  /// that waits, at the drain or at force, and for each item whose `work` throws once it is forced. Empty: what waits
  /// is lost then.   Threads: those of the queue, one at a time.   Blocks: may, within the reserve.
  function<void(std::vector<T>)> hand_back = {};
  /// Threads, each with a stack.
  std::size_t workers = 4;
  /// The most items that wait.
  std::size_t most = 1024;
  /// The most bytes that wait, as `bytes` counts them. 0: no limit but `most`.
  std::size_t most_bytes = 0;
  /// How long a producer waits for room.
  duration longest_wait = std::chrono::seconds(5);
  /// At the drain: works off what waits. False: hands it back at once.
  bool finishes = true;
  /// The name in logs, errors and metrics. Empty: its name in the app, or "queue".
  std::string name = {};
};

template <class T> class work_queue;

namespace detail {

template <class T> struct item_of final : queue_item {
  explicit item_of(T&& it) : value(std::move(it)) {}
  T value;
};

template <class T> class queue_of final : public work_queue_core {
 public:
  queue_of(work_queue_settings with, logger log, work_queue_options<T> calls)
      : work_queue_core(std::move(with), std::move(log)), calls_(std::move(calls)) {}

  std::unique_ptr<queue_item> make(T&& value) const {
    std::string key = calls_.key ? calls_.key(value) : std::string();
    std::string label = calls_.label ? calls_.label(value) : std::string();
    const std::size_t bytes = calls_.bytes ? calls_.bytes(value) : 0;
    auto it = std::make_unique<item_of<T>>(std::move(value));  // last: what throws before leaves it with the caller
    it->key = std::move(key);
    it->label = std::move(label);
    it->bytes = bytes;
    return it;
  }

 private:
  void work(queue_item& on, const context& with) override { calls_.work(static_cast<item_of<T>&>(on).value, with); }
  void hand_back(queue_items rest) override {
    std::vector<T> values;
    values.reserve(rest.size());
    for (const auto& it : rest) values.push_back(std::move(static_cast<item_of<T>&>(*it).value));
    rest.clear();
    const std::lock_guard alone(handing_back_);
    calls_.hand_back(std::move(values));
  }

  const work_queue_options<T> calls_;
  std::mutex handing_back_;
};

/// What the queue does not take goes back to where it came from.
template <class T> struct offered_item {
  offered_item(T& its_place, std::unique_ptr<queue_item> made) : place(its_place), it(std::move(made)) {}
  ~offered_item() {
    if (it) place = std::move(static_cast<item_of<T>&>(*it).value);
  }
  offered_item& operator=(offered_item&&) = delete;

  T& place;
  std::unique_ptr<queue_item> it;
};

/// For other ways to wait for room: net::push.
struct queue_access {
  template <class T> static std::shared_ptr<work_queue_core> core_of(work_queue<T>& of) noexcept { return of.core_; }
  template <class T> static std::unique_ptr<queue_item> item_of(work_queue<T>& of, T&& value) {
    return of.core_->make(std::move(value));
  }
};

}  // namespace detail

/// Room goes to producers in the order in which they came. Drain: it takes nothing new, producers that wait are told at
/// once, and it has drained when what waits is worked off (`finishes`) or handed back. Force: the contexts of items in
/// work are forced, and the rest is handed back. Add it before what pushes into it, and name it in the needs of that.
/// Each item that it took is one of these fields of the report: `done`, `failed` (its work threw), `handed_back`,
/// `left` (nobody has it: work was lost). `in_progress` names those in work, then those that wait.
template <class T> class work_queue final : public component {
 public:
  using options = work_queue_options<T>;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  work_queue(options with, app& owner) : work_queue(std::move(with), owner.log()) {}
  explicit work_queue(options with, logger log = {}) {
    if (with.name.empty()) with.name = "queue";
    if (!with.work) throw std::invalid_argument(with.name + ": work is empty; give a function that works on an item");
    if (with.most_bytes > 0 && !with.bytes)
      throw std::invalid_argument(with.name + ": most_bytes without bytes; give a function that counts an item's");
    if (!with.finishes && !with.hand_back)
      throw std::invalid_argument(with.name + ": finishes = false without hand_back; give a function that takes items");
    detail::work_queue_settings settings{
        .name = with.name,
        .within = {.most = with.most, .most_bytes = with.most_bytes, .keys = static_cast<bool>(with.key)},
        .workers = with.workers,
        .longest_wait = with.longest_wait,
        .hands_back = static_cast<bool>(with.hand_back),
        .finishes = with.finishes};
    detail::check(settings);
    core_ = std::make_shared<detail::queue_of<T>>(std::move(settings), std::move(log), std::move(with));
  }
  ~work_queue() override { core_->leave(); }

  /// How many wait before it. An item that it does not take stays in `item`, whole; a handler that lets the error out
  /// (`*queue.push(ctx, std::move(order))`) has its request answered with 503.
  /// Blocks: until there is room, at most `longest_wait`; less when the context is forced or the queue drains.
  /// Errors: std::logic_error before the start. What key, bytes and label throw.
  result<std::size_t, not_queued> push(const context& with, T&& item) {
    detail::offered_item<T> offered(item, core_->make(std::move(item)));
    return core_->push(with, offered.it);
  }
  result<std::size_t, not_queued> push(const context& with, const T& item) { return push(with, T(item)); }
  /// The same without waiting: full when there is no room, or others wait for it.
  result<std::size_t, not_queued> try_push(T&& item) {
    detail::offered_item<T> offered(item, core_->make(std::move(item)));
    return core_->try_push(offered.it);
  }
  result<std::size_t, not_queued> try_push(const T& item) { return try_push(T(item)); }

  void start(context) override { core_->start(); }
  void drain(context ends, drained done) override { core_->drain(ends, std::move(done)); }
  void force() noexcept override { core_->force(); }
  void stop() noexcept override { core_->stop(); }
  void account(component_report& out) const override { core_->account(out); }
  void measure(metrics& into) const override { core_->measure(into); }
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override { core_->in_progress(out, limit); }

 private:
  friend struct detail::queue_access;

  std::shared_ptr<detail::queue_of<T>> core_;
};

}  // namespace lastcall::inline v0
