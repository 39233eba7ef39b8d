// Which verbs of one component are under way, and which wait for them. Pure: lifecycle_verbs.cpp runs what it lets run.
#pragma once

#include <bitset>
#include <cstddef>
#include <vector>

#include "lastcall/core/lifecycle/verb.hpp"

namespace lastcall::inline v0 {

/// `start`, `announce`, `drain` and `stop` take turns: each waits until the one before it has returned. `force` waits
/// for none of them, and `stop` waits for it. `account` and `in_progress` are questions, which run beside everything.
class verb_queue {
 public:
  /// True: run it now. False: it waits, or the same question is under way already.
  bool order(verb what) {
    if (takes_turns(what) && (!waiting_.empty() || !may_run(what))) {
      waiting_.push_back(what);
      return false;
    }
    return begin(what);
  }
  /// The verb has returned. Returns the one to run now, or none.
  verb returned(verb what) {
    under_way_.reset(static_cast<std::size_t>(what));
    if (waiting_.empty() || !may_run(waiting_.front())) return verb::none;
    const verb next = waiting_.front();
    waiting_.erase(waiting_.begin());
    begin(next);
    return next;
  }
  /// Takes a verb back. False: it does not wait.
  bool take_back(verb what) noexcept { return std::erase(waiting_, what) > 0; }

  bool under_way(verb what) const noexcept { return under_way_.test(static_cast<std::size_t>(what)); }
  bool any_under_way() const noexcept { return under_way_.any(); }
  /// The verb that the component is in; of two the one that takes turns. None: no thread is in it but for a question.
  verb inside() const noexcept {
    for (std::size_t i = 0; i < verb_count; ++i)
      if (under_way_.test(i) && takes_turns(static_cast<verb>(i))) return static_cast<verb>(i);
    return under_way(verb::force) ? verb::force : verb::none;
  }

 private:
  static constexpr bool takes_turns(verb what) noexcept {
    switch (what) {
      case verb::start:
      case verb::announce:
      case verb::drain:
      case verb::stop:
        return true;
      case verb::force:
      case verb::account:
      case verb::in_progress:
      case verb::destroy:
      case verb::none:
        break;
    }
    return false;
  }
  bool may_run(verb what) const noexcept {
    const verb now = inside();
    return now == verb::none || (now == verb::force && what != verb::stop);
  }
  bool begin(verb what) noexcept {
    if (under_way(what)) return false;
    under_way_.set(static_cast<std::size_t>(what));
    return true;
  }

  std::bitset<verb_count> under_way_;
  std::vector<verb> waiting_;  // in the order in which they will run
};

}  // namespace lastcall::inline v0
