// What check_adapter has on its stage: an app with one adapter and workers that need it, calls on threads of their own,
// and the list of what went wrong.
#pragma once

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/testing/check_adapter.hpp"

namespace lastcall::inline v0::testing::detail {

/// False: `most` has passed.
template <class F> bool holds_within(duration most, const F& what) {
  for (const deadline by(most); !what();) {
    if (by.passed(steady().now())) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// What went wrong, each with the part of the check that saw it.
class fault_list {
 public:
  void begin(std::string part) { part_ = std::move(part); }
  bool expect(bool holds, std::string_view otherwise) {
    if (!holds) all_.push_back(part_ + ": " + std::string(otherwise));
    return holds;
  }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  std::string part_;
  std::vector<std::string> all_;
};

/// Work on a thread of its own. One that never ends is left behind, with all that it owns.
class piece {
 public:
  piece(function<void()> work, duration patience) : patience_(patience) {
    std::promise<std::string> result;
    ended_ = result.get_future();
    thread_ = std::thread([work = std::move(work), result = std::move(result)]() mutable {
      const std::exception_ptr failed = exception_of(work);
      work = nullptr;
      result.set_value(failed ? to_text(failed) : std::string());
    });
  }
  piece(piece&&) = default;
  ~piece() {
    if (!thread_.joinable()) return;
    if (ended_.wait_for(patience_) == std::future_status::ready) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  /// Empty: it has not ended in time.
  std::optional<bool> failed() {
    if (ended_.wait_for(patience_) != std::future_status::ready) return std::nullopt;
    return !ended_.get().empty();
  }

 private:
  const duration patience_;
  std::shared_future<std::string> ended_;
  std::thread thread_;
};

/// What workers have seen.   Threads: any.
struct work_seen {
  void failed_with(const std::string& what) {
    const std::lock_guard held(mutex);
    if (first_failure.empty()) first_failure = what;
  }
  std::string failure() const {
    const std::lock_guard held(mutex);
    return first_failure;
  }

  std::atomic<std::size_t> done = 0;
  mutable std::mutex mutex;
  std::string first_failure;
};

/// An app with one adapter, and workers that need it.
class scene : public std::enable_shared_from_this<scene> {
 public:
  scene(const std::shared_ptr<const adapter_calls>& of, const server_address& at, fault_list& faults)
      : of_(of), faults_(faults) {
    app_ = std::make_unique<lastcall::app>(app_options{.grace = of->drain + of->reserve,
                                                       .reserve = of->reserve,
                                                       .signals = {},
                                                       .sink = [](const log_record&) {},
                                                       .environment = false});
    auto made = of->make(at, app_->log());
    it_ = made.get();
    ref_ = app_->add("adapter", std::move(made));
  }

  component& adapter() noexcept { return *it_; }
  std::size_t done() const noexcept { return seen_->done; }
  /// Of the workers: what the first failure said. Empty: none has failed.
  std::string failure() const { return seen_->failure(); }

  /// Each of them works until it drains, and once more after that, as a request in flight does.
  void add_workers() {
    for (std::size_t i = 0; i < of_->workers; ++i)
      app_->add("worker " + std::to_string(i),
                [of = of_, it = it_, seen = seen_](const context& with) {
                  for (bool last = false; !last;) {
                    last = with.draining();
                    const std::exception_ptr failed = exception_of([&] { of->work(*it, with); });
                    if (!failed) {
                      ++seen->done;
                    } else {
                      seen->failed_with(to_text(failed));
                      with.wait_for(std::chrono::milliseconds(1));
                    }
                  }
                },
                {ref_});
  }
  void start() { app_->start(); }

  /// `call`, with a context of the caller, on a thread of its own.
  piece run(function<void(component&, const context&)> adapter_calls::* call, const context& with) {
    return piece([me = shared_from_this(), call, with] { ((*me->of_).*call)(*me->it_, with); }, of_->patience);
  }
  piece run(function<void(scene&)> other) {
    return piece([me = shared_from_this(), other = std::move(other)] { other(*me); }, of_->patience);
  }
  /// It lists so much work in progress.
  bool lists(std::size_t work) {
    return holds_within(of_->patience, [&] {
      std::vector<work_item> items;
      it_->in_progress(items, work);
      return items.size() == work &&
             std::ranges::none_of(items, [](const work_item& item) { return item.label.empty(); });
    });
  }
  bool works_within(duration most) {
    return holds_within(most, [&] { return !exception_of([&] { of_->work(*it_, within({}, most)); }); });
  }
  component_state state() const {
    for (const component_status& each : app_->status().components)
      if (each.name == "adapter") return each.state;
    return component_state::waiting;
  }

  /// Ends it, and looks at what is always so.
  const component_report& end() {
    metrics numbers;
    it_->measure(numbers);
    faults_.expect(!numbers.text().empty(), "it measures nothing");
    report_ = app_->shutdown(deadline(of_->drain + of_->reserve));
    const component_report& it = of("adapter");
    const auto most =
        std::chrono::duration<double, std::milli>(of_->drain + of_->reserve + std::chrono::seconds(1)).count();
    faults_.expect(report_.total_ms - report_.not_running_ms <= most,  // a second for a machine that is busy
                   "the shutdown took " + std::to_string(report_.total_ms) + " ms, more than the grace period");
    faults_.expect(it.connections.adds_up() && it.requests.adds_up(), "a ledger does not add up");
    return it;
  }
  /// The same, of an end in which nobody may be hung.
  const component_report& end_in_time() {
    const component_report& it = end();
    for (const std::string& hung : report_.hung()) faults_.expect(false, hung + " is hung: " + of(hung).hung_in);
    faults_.expect(it.stopped, "it has not stopped");
    return it;
  }
  int exit_code() const noexcept { return report_.exit_code; }
  std::string errors() const {
    std::string all;
    for (const std::string& each : report_.errors) all.append(": ").append(each);
    return all;
  }

 private:
  const component_report& of(std::string_view name) const {
    return *std::ranges::find(report_.components, name, &component_report::name);
  }

  const std::shared_ptr<const adapter_calls> of_;
  fault_list& faults_;
  std::unique_ptr<lastcall::app> app_;
  component* it_ = nullptr;
  component_ref ref_;
  const std::shared_ptr<work_seen> seen_ = std::make_shared<work_seen>();
  report report_;
};

}  // namespace lastcall::inline v0::testing::detail
