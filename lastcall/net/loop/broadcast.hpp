// One text to many members on several loops: each loop is woken once for all of its members. Knows no protocol: it
// neither makes the text nor says what a member does with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::net {

class loop;

/// A member gets the texts of one thread in their order. One that joins during a broadcast may miss it; one that leaves
/// gets those that were sent before. A member that reads too slowly is dropped, and holds up no other.
/// Threads: any.
class broadcast {
 public:
  /// A connection, as far as a broadcast needs it.
  class member {
   public:
    virtual ~member() = default;
    /// Runs `f` on the loop of the member, soon. False: it has ended, and the loop may be gone.   Threads: any.
    virtual bool post(function<void()> f) = 0;
    /// It has not ended, and the calling thread is its loop's.   Threads: any.
    virtual bool is_here() noexcept = 0;
    /// Sends the text, unless it has ended. False: it reads too slowly, and has been told to end.
    /// Threads: the loop's.
    virtual bool take(const std::string& text) noexcept = 0;

   private:
    friend class broadcast;
    std::size_t at_ = 0;                 // its place among the members of its loop
    std::atomic<bool> dropped_ = false;  // a leave may give from another thread, once the connection has ended
  };
  class membership;

  /// At most `queue_bytes` wait for one loop.
  explicit broadcast(std::size_t queue_bytes);

  /// It is a member until the result is destroyed.
  [[nodiscard]] membership join(const loop&, std::shared_ptr<member>);
  /// Never waits. False: sent to nobody, because the texts that wait for a loop are too many bytes already.
  bool send(std::string text);

  std::size_t size() const noexcept;
  /// How many members were dropped so far.
  std::uint64_t dropped() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// Its destructor leaves the group. It may outlive the group.
class broadcast::membership {
 public:
  membership(membership&&) noexcept = default;
  membership& operator=(membership&&) noexcept = default;

 private:
  friend class broadcast;
  explicit membership(std::shared_ptr<void> leave) noexcept : leave_(std::move(leave)) {}

  std::shared_ptr<void> leave_;  // owns nothing: its deleter leaves
};

}  // namespace lastcall::inline v0::net
