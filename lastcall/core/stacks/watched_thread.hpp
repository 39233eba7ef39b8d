// Threads that say who they are and what they are doing, so that whoever looks for a hang can name it. It takes no
// stacks: see stack.hpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/stacks/activity_label.hpp"

namespace lastcall::inline v0 {

/// One registered thread, as it was at the moment of asking.
struct thread_entry {
  std::uint64_t id = 0;  // never used again, unlike the number of the thread
  pid_t tid = 0;
  std::string component{};
  std::string role{};
  std::string activity{};  ///< empty: nothing in particular
  time_point since{};      ///< of the activity, or of the registration when there is none
};

/// Registers the calling thread for as long as it lives. Made and destroyed on that thread, as a local variable. One
/// within another counts while it lives; both are listed.
class watched_thread {
 public:
  /// `component`: whose work it does, at most 47 bytes of it. `role`: "verb", "handler", "loop", at most 15.
  watched_thread(std::string_view component, std::string_view role) noexcept;
  ~watched_thread();
  watched_thread(const watched_thread&) = delete;
  watched_thread& operator=(const watched_thread&) = delete;

  /// At most `limit` of them, in no order.   Threads: any.   Blocks: while others register or look.
  static std::vector<thread_entry> snapshot(std::size_t limit);
  /// Whether it is still registered.   Threads: any.
  static bool is_registered(std::uint64_t id) noexcept;

 private:
  friend class activity;
  struct list;

  struct name {
    char bytes[48] = {};
    name(std::string_view text, std::size_t most) noexcept;
  };

  activity_label doing_;
  const name component_, role_;
  const time_point began_;
  const pid_t tid_;
  std::uint64_t id_ = 0;
  watched_thread* const outer_;  // of the same thread
  watched_thread* before_ = nullptr;
  watched_thread* after_ = nullptr;
};

/// What the calling thread is doing for as long as this lives: "GET /block", "start of postgres"; afterwards it is
/// doing again what it did before. On a thread that is not registered it does nothing. Costs some tens of nanoseconds:
/// reading the clock, and copying 128 bytes twice; no lock, no allocation. Made and destroyed on one thread, in order.
class activity {
 public:
  /// Both parts joined by a space, together at most 119 bytes.
  explicit activity(std::string_view what, std::string_view of = {}) noexcept;
  ~activity();
  activity(const activity&) = delete;
  activity& operator=(const activity&) = delete;

 private:
  watched_thread* const thread_;
  activity_text before_;
};

}  // namespace lastcall::inline v0
