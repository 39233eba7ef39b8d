// Threads that take turns in virtual time: one runs, the others are parked, and when nobody has anything to do the
// clock moves on to what comes next. So a run is the same each time, and an hour takes no time.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "lastcall/core/function.hpp"
#include "lastcall/testing/virtual_clock.hpp"

namespace lastcall::inline v0::testing {

/// Whose thread makes it is *the test's*, and has the first turn. Order at one moment: who can go on, what was planned
/// for it, who wanted to be woken at it; the test's thread goes on when all others have nothing more to do. Threads:
/// every member belongs to whoever has the turn, except `here`, which is for any.
class virtual_threads {
 public:
  /// What beside the time lets a parked thread go on.
  enum class until : unsigned char {
    time,      ///< nothing
    test,      ///< the test's thread had a turn, or something planned was done
    anything,  ///< the same, or another thread than those that wait for anything went on
  };
  /// How a wait of the test's thread ended.
  enum class waited : unsigned char {
    enough,  ///< the time has come, or the condition holds
    stuck,   ///< nothing will ever happen any more
    late,    ///< whoever has the turn blocks in real time; nothing may be asked of this object any more
  };

  explicit virtual_threads(virtual_clock& time);
  /// Joins. Threads that have not ended by then are left behind, parked for good.
  ~virtual_threads();
  virtual_threads(const virtual_threads&) = delete;
  virtual_threads& operator=(const virtual_threads&) = delete;

  /// A thread of its own for `f`, which must not throw; it has its turn when others wait.
  void spawn(function<void()> f);
  /// Runs `f` at that moment (now, if it has passed) on whichever thread lets time pass. What it throws is thrown in
  /// the test's thread.
  void plan(time_point when, function<void()> f);

  /// Lets the others have their turn until then; empty: for good, but for `ends`.
  void park(std::optional<time_point> when, until ends);
  /// For the test's thread: until then, or until `holds`, which is asked before each turn; at most `patience` of real
  /// time.
  waited wait(std::optional<time_point> when, const std::function<bool()>& holds, duration patience);

  /// Whether the calling thread has the turn.
  bool here() const noexcept;
  /// Who is parked for good goes on, and nobody is any more, except until anything happens.
  void abandon();
  bool abandoned() const noexcept;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;  // with threads that are left behind
};

}  // namespace lastcall::inline v0::testing
