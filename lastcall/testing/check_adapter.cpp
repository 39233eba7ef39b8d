#include "lastcall/testing/check_adapter.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <future>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/testing/adapter_scene.hpp"
#include "lastcall/testing/fault_relay.hpp"

namespace lastcall::inline v0::testing {

namespace {

using namespace std::chrono_literals;
using detail::adapter_calls;
using detail::holds_within;
using detail::piece;
using detail::scene;

std::ptrdiff_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}
std::ptrdiff_t threads() { return entries("/proc/self/task"); }
std::ptrdiff_t descriptors() { return entries("/proc/self/fd"); }

/// As in a program whose app has its signals: a client library that writes to a broken connection ends nobody.
class no_end_by_sigpipe {
 public:
  no_end_by_sigpipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  ~no_end_by_sigpipe() { std::signal(SIGPIPE, before_); }
  no_end_by_sigpipe& operator=(no_end_by_sigpipe&&) = delete;

 private:
  void (*const before_)(int);
};

class conformance {
 public:
  explicit conformance(adapter_calls of)
      : of_(std::make_shared<const adapter_calls>(std::move(of))),
        there_(of_->server ? *of_->server : server_address()),
        seed_(of_->seed ? *of_->seed : std::random_device{}()) {}

  std::vector<std::string> all() {
    stops_unused();
    finishes_what_others_need();
    ends_each_call_with_its_context();
    const auto threads_before = threads();
    const auto descriptors_before = descriptors();
    cuts_what_lasts();
    if (of_->server) {
      survives_an_outage();
      for (std::size_t round = 0; round < of_->rounds; ++round) ends_in_time_on_a_bad_network(round);
    }
    finishes_what_others_need();
    faults_.begin("at the end");
    faults_.expect(holds_within(of_->patience, [&] { return threads() <= threads_before; }), "threads are left");
    faults_.expect(holds_within(of_->patience, [&] { return descriptors() <= descriptors_before; }),
                   "descriptors are left");
    if (of_->hold) names_what_never_comes_back();
    return faults_.take();
  }

 private:
  void stops_unused() {
    faults_.begin("started and stopped");
    const auto on = std::make_shared<scene>(of_, there_, faults_);
    on->start();
    on->end_in_time();
    faults_.expect(on->exit_code() == 0, "exit code " + std::to_string(on->exit_code()) + on->errors());
  }

  void finishes_what_others_need() {
    faults_.begin("drained under load");
    const auto on = std::make_shared<scene>(of_, there_, faults_);
    on->add_workers();
    on->start();
    faults_.expect(holds_within(of_->patience, [&] { return on->done() >= 4 * of_->workers; }),
                   "the workers do not get on");
    const component_report& it = on->end_in_time();
    faults_.expect(on->exit_code() == 0, "exit code " + std::to_string(on->exit_code()) + on->errors());
    faults_.expect(it.drained, "it has not drained by itself");
    faults_.expect(on->failure().empty(), "it refuses work that others need: " + on->failure());
  }

  void ends_each_call_with_its_context() {
    faults_.begin("a call whose context ends");
    const auto on = std::make_shared<scene>(of_, there_, faults_);
    on->start();
    piece by_time = on->run(&adapter_calls::long_work, within({}, 50ms));
    ended_badly(by_time, "a deadline that has passed");
    context_source caller;
    piece by_force = on->run(&adapter_calls::long_work, caller.get());
    faults_.expect(on->lists(1), "work in progress is not listed with a label");
    caller.force(cause::client_gone);
    ended_badly(by_force, "a context that was forced");
    faults_.expect(on->works_within(of_->patience), "it does not work afterwards");
    on->end_in_time();
    faults_.expect(on->exit_code() == 0, "exit code " + std::to_string(on->exit_code()) + on->errors());
  }

  void cuts_what_lasts() {
    faults_.begin("forced");
    const auto on = std::make_shared<scene>(of_, there_, faults_);
    on->start();
    piece lasts = on->run(&adapter_calls::long_work, {});
    faults_.expect(on->lists(1), "work in progress is not listed with a label");
    struct outcome {
      std::size_t done = 0;
      std::optional<duration> refused_after;  // the fastest
    };
    const auto seen = std::make_shared<outcome>();
    piece outside = on->run([of = of_, seen](scene& in) {
      if (!holds_within(of->patience, [&] { return in.state() >= component_state::draining; })) return;
      while (in.state() == component_state::draining) {
        const time_point began = steady().now();
        if (!exception_of([&] { of->work(in.adapter(), within({}, of->patience / 2)); })) {
          ++seen->done;
        } else {
          seen->refused_after = std::min(seen->refused_after.value_or(duration::max()), steady().now() - began);
        }
      }
    });
    const component_report& it = on->end_in_time();
    ended_badly(lasts, "force");
    if (faults_.expect(outside.failed().has_value(), "a call does not end after a drain that has begun")) {
      // The first may still be done: what the app calls draining is just being told.
      faults_.expect(seen->refused_after || seen->done < 20, "what comes while it drains is not refused");
      faults_.expect(!seen->refused_after || *seen->refused_after < of_->drain / 2,
                     "what comes while it drains is not refused at once");
    }
    faults_.expect(it.forced && it.cut(), "its report does not say that work was cut");
    faults_.expect(!it.in_progress.empty(), "its report does not name what was cut");
    faults_.expect(on->exit_code() == 3,
                   "exit code " + std::to_string(on->exit_code()) + " instead of 3" + on->errors());
  }

  void survives_an_outage() {
    faults_.begin("a server that cannot be reached");
    fault_relay relay(*of_->server);
    relay.refuse_new();
    const auto on = std::make_shared<scene>(of_, parse_server_address(relay.url()), faults_);
    on->start();
    piece early = on->run(&adapter_calls::work, within({}, of_->patience / 2));
    ended_badly(early, "no server");
    relay.refuse_new(false);
    faults_.expect(on->works_within(2 * of_->patience), "it does not work once the server is there");
    relay.refuse_new();
    relay.reset_all();
    piece amid = on->run([of = of_](scene& in) {
      while (!exception_of([&] { of->work(in.adapter(), within({}, of->patience / 2)); })) continue;
      throw std::runtime_error("refused, as it should be");
    });
    ended_badly(amid, "an outage");
    relay.refuse_new(false);
    faults_.expect(on->works_within(2 * of_->patience), "it does not work after the outage");
    on->end_in_time();
    faults_.expect(on->exit_code() == 0, "exit code " + std::to_string(on->exit_code()) + on->errors());
  }

  void ends_in_time_on_a_bad_network(std::size_t round) {
    std::mt19937_64 random(seed_ + round);
    const std::size_t kind = round % bad_networks.size();
    const duration at = of_->drain * static_cast<int>(random() % 1000) / 1000 * 2;
    faults_.begin("round " + std::to_string(round) + " of seed " + std::to_string(seed_) + ", " +
                  bad_networks[kind].name + " " + to_text(std::chrono::floor<std::chrono::milliseconds>(at)) +
                  " after the request");
    const auto relay = std::make_shared<fault_relay>(*of_->server);
    const auto on = std::make_shared<scene>(of_, parse_server_address(relay->url()), faults_);
    on->add_workers();
    on->start();
    faults_.expect(holds_within(of_->patience, [&] { return on->done() >= of_->workers; }),
                   "the workers do not get on");
    piece lasts = on->run(&adapter_calls::long_work, {});
    piece breaks(
        [relay, kind, at] {
          std::this_thread::sleep_for(at);
          bad_networks[kind].begin(*relay);
        },
        at + of_->patience);
    on->end_in_time();
    faults_.expect(on->exit_code() == 0 || on->exit_code() == 3,
                   "exit code " + std::to_string(on->exit_code()) + on->errors());
    ended_badly(lasts, "force");
  }

  void names_what_never_comes_back() {
    faults_.begin("what is never given back");
    const auto taken = std::make_shared<std::promise<void>>();
    const auto give_back = std::make_shared<std::latch>(1);
    const auto on = std::make_shared<scene>(of_, there_, faults_);
    on->start();
    piece keeps = on->run([of = of_, taken, give_back](scene& in) {
      of->hold(in.adapter(), [&] {
        taken->set_value();
        give_back->wait();
      });
    });
    if (taken->get_future().wait_for(of_->patience) == std::future_status::ready) {
      const component_report& it = on->end();
      faults_.expect(it.hung && on->exit_code() == 4,
                     "it is not hung, but exit code " + std::to_string(on->exit_code()));
      faults_.expect(!it.in_progress.empty(), "its report does not name what is out");
    } else {
      faults_.expect(false, "nothing is lent");
    }
    give_back->count_down();
    const auto failed = keeps.failed();
    faults_.expect(failed && !*failed, "it may not be given back after the stop");
  }

  /// The call has ended, and not as if it had been done.
  bool ended_badly(piece& call, const char* because) {
    const auto failed = call.failed();
    if (!failed) return faults_.expect(false, std::string("a call does not end after ") + because);
    return faults_.expect(*failed, std::string("a call says that it is done after ") + because);
  }

  struct bad_network {
    const char* name;
    void (*begin)(fault_relay&);
  };
  static void set_all(fault_relay& relay, const line_faults& of) {
    relay.set(relay_faults::both(of));
    for (const relay_connection& each : relay.connections()) relay.set(each.number, relay_faults::both(of));
  }
  static constexpr std::array bad_networks{
      bad_network{"stalled", [](fault_relay& of) { set_all(of, {.stalled = true}); }},
      bad_network{"reset", [](fault_relay& of) { of.reset_all(); }},
      bad_network{"slow", [](fault_relay& of) { set_all(of, {.delay = 20ms, .piece_bytes = 7, .piece_gap = 1ms}); }},
      bad_network{"cut", [](fault_relay& of) { of.cut_all(); }},
      bad_network{"gone",
                  [](fault_relay& of) {
                    of.refuse_new();
                    of.reset_all();
                  }},
      bad_network{"stalled towards us",
                  [](fault_relay& of) {
                    const relay_faults one_way{.to_client = {.stalled = true}};
                    of.set(one_way);
                    for (const relay_connection& each : of.connections()) of.set(each.number, one_way);
                  }},
  };

  const std::shared_ptr<const adapter_calls> of_;
  const server_address there_;
  const std::uint64_t seed_;
  detail::fault_list faults_;
};

}  // namespace

std::vector<std::string> detail::check_adapter(adapter_calls of) {
  const lastcall::detail::option_check in("adapter_under_test");
  in.number("workers", of.workers, 1, 1'000);
  in.number("rounds", of.rounds, 0, 100'000);
  in.time_above_zero("drain", of.drain);
  in.time_above_zero("reserve", of.reserve);
  in.time_above_zero("patience", of.patience);
  const no_end_by_sigpipe held;
  return conformance(std::move(of)).all();
}

}  // namespace lastcall::inline v0::testing
