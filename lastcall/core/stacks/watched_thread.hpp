// A list of threads with what each is doing, so that a hang can be named. Stacks are taken in stack.hpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/stacks/activity_label.hpp"

namespace lastcall::inline v0 {

/// One registered thread, at the moment of the snapshot.
struct thread_entry {
  std::uint64_t id = 0;  // unique in the process; a tid may be reused
  pid_t tid = 0;
  std::string component{};
  std::string role{};
  std::string activity{};  ///< empty: none is set
  time_point since{};      ///< since when: the activity, or without one the registration
};

/// Registers the calling thread while it lives. Make it a local variable of that thread. If there are two on one
/// thread, both are listed, and the inner one gets the activities.
class watched_thread {
 public:
  /// `component`: the component that it works for, cut to 47 bytes. `role`: "verb", "handler", "loop", cut to 15 bytes.
  watched_thread(std::string_view component, std::string_view role) noexcept;
  ~watched_thread();
  watched_thread& operator=(watched_thread&&) = delete;

  /// At most `limit` threads, in no order.   Threads: any.   Blocks: while another thread registers or takes a
  /// snapshot.
  static std::vector<thread_entry> snapshot(std::size_t limit);
  /// The calling thread. Empty: it is not registered.
  static std::optional<thread_entry> of_caller();
  /// The thread with this id is still registered.   Threads: any.
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

/// Sets what the calling thread is doing, "GET /block", and restores the text before when it is destroyed. No effect on
/// a thread that is not registered. Costs some tens of nanoseconds: it reads the clock and copies 128 bytes twice; no
/// lock, no allocation. Make it a local variable of that thread.
class activity {
 public:
  /// Both parts joined by a space, cut to 119 bytes.
  explicit activity(std::string_view what, std::string_view of = {}) noexcept;
  ~activity();
  activity& operator=(activity&&) = delete;

 private:
  watched_thread* const thread_;
  activity_text before_;
};

}  // namespace lastcall::inline v0
