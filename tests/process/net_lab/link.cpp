#include "tests/process/net_lab/link.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <random>
#include <system_error>
#include <utility>

#include "tests/process/net_lab/delay_line.hpp"

namespace net_lab {
namespace {

using lastcall::duration;
using lastcall::time_point;
using std::chrono::steady_clock;

// 64 MiB each way: at 20 ms more than a million and a half of frames per second, several times what a TAP device does.
constexpr std::size_t frames_on_the_way = 32'768;
constexpr int batch = 64;  // frames taken from one end before the other has its turn

class direction {
 public:
  direction(int from, int to, const link_options& options, std::uint64_t seed, direction_count& count)
      : from_(from),
        to_(to),
        loss_(options.loss),
        random_(seed),
        line_(options.delay, frames_on_the_way),
        count_(count) {}

  time_point next_due() const { return line_.next_due(); }

  // True: there may be more.
  bool take_in() {
    std::byte nowhere[delay_line::packet_bytes];
    for (int i = 0; i < batch; ++i) {
      const bool overflow = line_.full();
      const auto room = overflow ? std::span<std::byte>(nowhere) : line_.room();
      const ssize_t bytes = ::read(from_, room.data(), room.size());
      if (bytes <= 0) return false;
      if (overflow) {
        ++count_.overflowed;
      } else if (loss_ > 0 && std::uniform_real_distribution<>(0, 1)(random_) < loss_) {
        ++count_.lost;
      } else {
        line_.push(static_cast<std::size_t>(bytes), steady_clock::now());
      }
    }
    return true;
  }

  void let_out() {
    while (!line_.empty()) {
      const time_point now = steady_clock::now();
      if (line_.next_due() > now) break;
      count_.latest = std::max(count_.latest, now - line_.next_due());
      const auto frame = line_.front();
      if (::write(to_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size())) {
        ++count_.carried;
      } else {
        ++count_.refused;
      }
      line_.pop();
    }
    count_.peak = line_.peak();
  }

 private:
  int from_;
  int to_;
  double loss_;
  std::mt19937_64 random_;
  delay_line line_;
  direction_count& count_;
};

// At most a second, so that a wait has an end even if a wake-up were lost.
timespec until(time_point when) {
  const duration left = std::clamp<duration>(when - steady_clock::now(), duration::zero(), std::chrono::seconds(1));
  return {static_cast<time_t>(left / std::chrono::seconds(1)),
          static_cast<long>((left % std::chrono::seconds(1)).count())};
}

void carry(direction& from_server, direction& from_client, std::array<pollfd, 3> watched) {
  // A wire does not wait for its turn: ahead of the programs that it joins, and awake to the microsecond. Both only
  // help.
  ::setpriority(PRIO_PROCESS, 0, -15);
  ::prctl(PR_SET_TIMERSLACK, 1'000UL);

  while ((watched[2].revents & POLLIN) == 0) {
    const bool more_from_server = from_server.take_in();
    const bool more_from_client = from_client.take_in();
    from_server.let_out();
    from_client.let_out();
    const bool more = more_from_server || more_from_client;
    const timespec wait = more ? timespec{} : until(std::min(from_server.next_due(), from_client.next_due()));
    ::ppoll(watched.data(), watched.size(), &wait, nullptr);
  }
}

}  // namespace

link::link(int server_frames, int client_frames, const link_options& options) : stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw std::system_error(errno, std::generic_category(), "eventfd");
  // Whoever uses the wire finds it laid: its memory takes a while to come where the thread sanitizer looks at it.
  direction from_server(server_frames, client_frames, options, options.seed, counts_[0]);
  direction from_client(client_frames, server_frames, options, options.seed + 1, counts_[1]);
  const std::array<pollfd, 3> watched{
      {{server_frames, POLLIN, 0}, {client_frames, POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  thread_ = std::thread([from_server = std::move(from_server), from_client = std::move(from_client),
                         watched]() mutable { carry(from_server, from_client, watched); });
}

std::array<direction_count, 2> link::stop() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  return counts_;
}

}  // namespace net_lab
