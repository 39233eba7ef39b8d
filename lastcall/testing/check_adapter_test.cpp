#include "lastcall/testing/check_adapter.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/testing/fault_relay.hpp"

namespace lastcall::testing::check_adapter_test {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What an adapter may do wrong.
enum class wrong : unsigned char {
  nothing,
  ignores_force,
  says_done_when_cut,
  works_while_it_drains,
  waits_while_it_drains,
  lists_nothing,
  hides_what_was_cut,
  measures_nothing,
  ignores_contexts,
  leaves_a_descriptor,
  leaves_a_thread,
  refuses_those_who_need_it,
};

bool reaches(const server_address& at) {
  const int fd = ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&at.address), at.length) == 0;
  ::close(fd);
  return connected;
}

/// Work takes a millisecond, or lasts.
class adapter final : public component {
 public:
  explicit adapter(wrong how, const std::optional<server_address>& at = {}) : how_(how), at_(at) {}

  void work(const context& with) {
    while (at_ && !drains() && !reaches(*at_))
      if (!with.wait_until_forced_for(1ms)) throw std::runtime_error("no server");
    std::unique_lock held(mutex_);
    if (how_ == wrong::waits_while_it_drains && draining_) changed_.wait_for(held, 300ms, [&] { return forced_; });
    if (how_ == wrong::refuses_those_who_need_it && with.draining()) throw std::runtime_error("the caller drains");
    if (draining_ && how_ != wrong::works_while_it_drains) throw std::runtime_error("it drains");
    const auto me = begin();
    held.unlock();
    std::this_thread::sleep_for(1ms);
    held.lock();
    end(me);
  }
  void long_work(const context& with) {
    std::unique_lock held(mutex_);
    const auto me = begin();
    const stop_callback told(with.forced_token(), [&] { changed_.notify_all(); });
    while (!forced_ && (how_ == wrong::ignores_contexts || !with.forced())) changed_.wait_for(held, 5ms);
    if (how_ == wrong::ignores_force) changed_.wait_for(held, 2s, [&] { return stopped_; });
    if (forced_) ++cut_;
    end(me);
    if (how_ != wrong::says_done_when_cut) throw std::runtime_error("cut");
  }
  void hold(const function<void()>& wait) {
    std::unique_lock held(mutex_);
    const auto me = begin();
    held.unlock();
    wait();
    held.lock();
    end(me);
  }

  void start(context) override {
    if (how_ == wrong::leaves_a_descriptor) static_cast<void>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (how_ == wrong::leaves_a_thread) std::thread([] { std::this_thread::sleep_for(20s); }).detach();
  }
  void drain(context, drained done) override {
    std::unique_lock held(mutex_);
    draining_ = true;
    done_ = std::move(done);
    settle();
  }
  void force() noexcept override {
    const std::lock_guard held(mutex_);
    draining_ = forced_ = true;
    changed_.notify_all();
  }
  void stop() noexcept override {
    const std::lock_guard held(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  void account(component_report& out) const override {
    const std::lock_guard held(mutex_);
    out.lost = how_ != wrong::hides_what_was_cut && cut_ > 0;
  }
  void measure(metrics& into) const override {
    if (how_ != wrong::measures_nothing) into.gauge("work", "Work.", 1);
  }
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override {
    const std::lock_guard held(mutex_);
    if (how_ != wrong::lists_nothing)
      for (std::size_t i = 0; i < std::min(limit, work_.size()); ++i) out.push_back({.label = "work"});
  }

 private:
  bool drains() const {
    const std::lock_guard held(mutex_);
    return draining_;
  }
  std::list<int>::iterator begin() { return work_.insert(work_.end(), 0); }
  void end(std::list<int>::iterator of) {
    work_.erase(of);
    settle();
  }
  void settle() {
    if (draining_ && work_.empty() && done_) std::exchange(done_, nullptr)();
  }

  const wrong how_;
  const std::optional<server_address> at_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<int> work_;
  drained done_;
  int cut_ = 0;
  bool draining_ = false, forced_ = false, stopped_ = false;
};

std::vector<std::string> faults_of(wrong how) {
  const bool right = how == wrong::nothing;
  return check_adapter(adapter_under_test<adapter>{
      .make = [how](const server_address&, const logger&) { return std::make_unique<adapter>(how); },
      .work = [](adapter& of, const context& with) { of.work(with); },
      .long_work = [](adapter& of, const context& with) { of.long_work(with); },
      .hold = [](adapter& of, const function<void()>& wait) { of.hold(wait); },
      .workers = 2,
      .drain = right ? 500ms : 200ms,
      .reserve = right ? 2s : 500ms,
      .patience = right ? 20s : 1s});
}

TEST(check_adapter, has_nothing_against_one_that_conforms) { EXPECT_THAT(faults_of(wrong::nothing), IsEmpty()); }

/// It ends with its context, and no earlier.
TEST(check_adapter, has_nothing_against_one_that_waits_for_its_server) {
  fault_relay server(parse_server_address("127.0.0.1:1"));  // it takes all, and resets them
  EXPECT_THAT(
      check_adapter(adapter_under_test<adapter>{
          .make = [](const server_address& at, const logger&) { return std::make_unique<adapter>(wrong::nothing, at); },
          .work = [](adapter& of, const context& with) { of.work(with); },
          .long_work = [](adapter& of, const context& with) { of.long_work(with); },
          .server = parse_server_address(server.url()),
          .rounds = 0,
          .patience = 4s}),
      IsEmpty());
}

struct fault {
  wrong how;
  const char* told;

  friend void PrintTo(const fault& it, std::ostream* out) { *out << it.told; }
};
class check_adapter_faults : public ::testing::TestWithParam<fault> {};

TEST_P(check_adapter_faults, are_told) { EXPECT_THAT(faults_of(GetParam().how), Contains(HasSubstr(GetParam().told))); }

INSTANTIATE_TEST_SUITE_P(
    each, check_adapter_faults,
    ::testing::Values(fault{wrong::ignores_force, "forced: adapter is hung"},
                      fault{wrong::says_done_when_cut, "a call says that it is done after force"},
                      fault{wrong::works_while_it_drains, "what comes while it drains is not refused"},
                      fault{wrong::waits_while_it_drains, "what comes while it drains is not refused at once"},
                      fault{wrong::lists_nothing, "work in progress is not listed with a label"},
                      fault{wrong::hides_what_was_cut, "forced: its report does not say that work was cut"},
                      fault{wrong::measures_nothing, "it measures nothing"},
                      fault{wrong::ignores_contexts, "a call does not end after a deadline that has passed"},
                      fault{wrong::leaves_a_descriptor, "descriptors are left"},
                      fault{wrong::leaves_a_thread, "threads are left"},
                      fault{wrong::refuses_those_who_need_it,
                            "drained under load: it refuses work that others need: the caller drains"}));

TEST(check_adapter, refuses_what_makes_no_sense) {
  EXPECT_THROW(check_adapter(adapter_under_test<adapter>{}), std::invalid_argument);
  adapter_under_test<adapter> of{.make = [](const server_address&, const logger&) { return nullptr; },
                                 .work = [](adapter&, const context&) {},
                                 .long_work = [](adapter&, const context&) {}};
  of.workers = 0;
  EXPECT_THROW(check_adapter(std::move(of)), std::invalid_argument);
}

}  // namespace lastcall::testing::check_adapter_test
