// The exact client's one thread: an epoll set, a timer and the links. Private; `run_probe` is its only user.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/exact_client_link.hpp"

namespace lastcall::inline v0::testing {

/// exact_client_loop.cpp decides which client does what and when; exact_client_exchange.cpp moves the bytes of a
/// request.
class exact_client_loop {
 public:
  exact_client_loop(const server_address&, const probe_options&, const probe_target&);
  ~exact_client_loop();
  exact_client_loop& operator=(exact_client_loop&&) = delete;

  probe_result run();

 private:
  enum class stage : unsigned char { opening, loading, telling };
  struct alarm {
    time_point at;
    std::uint64_t serial;
    std::uint32_t link;                                                          // or no_link: only wakes the loop
    bool operator<(const alarm& other) const noexcept { return at > other.at; }  // the earliest on top
  };
  static constexpr std::uint32_t no_link = UINT32_MAX;

  // clients and time
  void step();
  void start_loads();
  void tell();
  void expire();
  bool all_in_flight() const;
  bool finished() const;
  void run_rate(group&);
  void begin_group(group&);
  void open_more(group&);
  void continue_client(link&, verdict);
  void end_client(link&);
  void wake_at(time_point);
  void arm(link&, time_point);
  void fire();
  void wait();
  void begin_due();
  void on_gone();
  link& free_link(group&);
  void release(link&);
  void sweep();
  void end_outstanding(time_point begun_before);

  // one request
  void begin(link&, time_point since);
  void connect(link&);
  void connected(link&);
  void send(link&);
  void receive(link&);
  std::uint64_t allowance(const link&) const;
  void on_event(link&, std::uint32_t events);
  void on_quiet(link&, std::uint32_t events);
  void on_timer(link&);
  void finish(link&, ending);
  ending check_answer(const link&) const;
  void part(link&);
  void end_farewell(link&);
  void drop(link&);
  void watch(link&);
  void note_fault(group&, const char*);

  const server_address& server_;
  const probe_options& options_;
  const probe_target& target_;
  int epoll_ = -1, timer_ = -1;
  std::deque<group> groups_;
  std::deque<link> links_;
  std::vector<std::uint32_t> free_, ready_, due_;
  std::priority_queue<alarm> alarms_;
  std::uint64_t serial_ = 0;
  time_point armed_at_ = time_point::max();
  std::vector<char> buffer_;
  std::mt19937_64 random_;

  stage stage_ = stage::opening;
  time_point now_, began_, tell_at_, told_at_, gone_at_, sweep_at_;
  std::optional<time_point> last_response_, first_refusal_;
  unsigned told_ = 0;
  std::size_t clients_ = 0, farewells_ = 0;
  bool signalled_ = false, gone_ = false, no_more_ = false, expired_ = false;
  probe_result result_;
};

}  // namespace lastcall::inline v0::testing
