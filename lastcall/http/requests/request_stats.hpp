// How many responses of each class, and how long they took: one loop's part, counted without a lock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/tally.hpp"

namespace lastcall::inline v0::http::detail {

/// What is counted of a response once the kernel has all of it.
struct sent_response {
  time_point begun;  ///< the first byte of its request
  int status;
  std::uint32_t route;  ///< route_name::number; 0: of no route
};

/// Threads: one writes, any may read.
class request_stats {
 public:
  static constexpr std::array bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 5., 10., 60.};
  static constexpr std::size_t classes = 5;
  static constexpr std::array<std::string_view, classes> class_names = {"1xx", "2xx", "3xx", "4xx", "5xx"};

  void add(int status, duration took) noexcept {
    responses_[static_cast<std::size_t>(status / 100 - 1) % classes].add();
    nanoseconds_.add(static_cast<std::uint64_t>(took.count()));
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t i = 0;
    while (i < bounds.size() && seconds > bounds[i]) ++i;
    durations_[i].add();
  }

  struct sums {
    std::array<std::uint64_t, classes> responses{};
    std::array<std::uint64_t, bounds.size() + 1> durations{};
    std::uint64_t nanoseconds = 0;
  };
  void add_to(sums& all) const noexcept {
    for (std::size_t i = 0; i < classes; ++i) all.responses[i] += responses_[i].value();
    for (std::size_t i = 0; i < durations_.size(); ++i) all.durations[i] += durations_[i].value();
    all.nanoseconds += nanoseconds_.value();
  }

 private:
  std::array<net::tally, classes> responses_;
  std::array<net::tally, bounds.size() + 1> durations_;
  net::tally nanoseconds_;
};

/// The same for each route of a router, and for what has none.   Threads: one writes, any may read.
class route_stats {
 public:
  explicit route_stats(std::size_t routes) : of_(routes + 1) {}

  void add(const sent_response& r, time_point now) noexcept { of_[r.route].add(r.status, now - r.begun); }
  void add_to(request_stats::sums& all) const noexcept {
    for (const request_stats& each : of_) each.add_to(all);
  }
  const request_stats& of(std::uint32_t route) const noexcept { return of_[route]; }

 private:
  std::vector<request_stats> of_;
};

}  // namespace lastcall::inline v0::http::detail
