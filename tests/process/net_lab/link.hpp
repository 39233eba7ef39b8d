// The wire between the two ends of the lab: carries frames both ways with delay and loss, in a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"

namespace net_lab {

struct link_options {
  lastcall::duration delay{};  // one way
  double loss = 0;             // share of frames lost on purpose, 0 to 1
  std::uint64_t seed = 1;
};

/// What one direction did. `overflowed` and `refused` were not asked for: a lab that has any proves nothing.
struct direction_count {
  std::uint64_t carried = 0;
  std::uint64_t lost = 0;        // on purpose
  std::uint64_t overflowed = 0;  // the wire was full
  std::uint64_t refused = 0;     // the receiving device would not take it
  std::uint64_t peak = 0;        // most frames on the way at once
  lastcall::duration latest{};   // the worst that a frame came after its time
};

/// Runs from its construction to `stop`. Keeps the order of frames in each direction.
/// Threads: own; `stop` from the one that made it.
class link {
 public:
  /// Neither descriptor is owned; both are non-blocking.
  link(int server_frames, int client_frames, const link_options&);
  ~link() { stop(); }

  /// What is on the way is gone. The counts are then [0] from the server's end, [1] from the client's.
  std::array<direction_count, 2> stop();

 private:
  lastcall::net::unique_fd stop_;  // an eventfd
  std::array<direction_count, 2> counts_;
  std::thread thread_;
};

}  // namespace net_lab
