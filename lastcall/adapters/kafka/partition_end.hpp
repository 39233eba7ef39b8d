// How partitions are given up, at a revocation or at the end: their work finishes, its offsets are committed, they are
// let go. Each part has its bound. Pure.
#pragma once

#include <algorithm>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::kafka::detail {

class partition_end {
 public:
  enum class step : unsigned char {
    wait,    ///< for the work to end, or for the commit
    force,   ///< the work takes too long: cut it. Once
    commit,  ///< what is finished, if it may be
    let_go,
  };
  struct bounds {
    time_point finish_by{};  // then the work is forced
    duration cut_within{};   // from then on it may take so long
    duration commit_within{};
    time_point latest = time_point::max();  // for the commit
  };
  struct facts {
    bool quiet = false;      // no work is left
    bool committed = false;  // nothing is left to commit
    bool hopeless = false;   // a commit can't succeed any more
  };

  explicit partition_end(const bounds& of) : bounds_(of) {}

  step next(time_point now, const facts& of) noexcept {
    if (at_ == stage::finishing) {
      if (!of.quiet) {
        if (now < bounds_.finish_by) return step::wait;
        if (!forced_) {
          forced_ = true;
          cut_by_ = now + bounds_.cut_within;
          return step::force;
        }
        if (now < cut_by_) return step::wait;
      }
      at_ = stage::committing;
      commit_by_ = std::min(now + bounds_.commit_within, std::max(bounds_.latest, now));
    }
    if (at_ == stage::committing) {
      if (!of.committed && !of.hopeless && now < commit_by_) return step::commit;
      at_ = stage::over;
    }
    return step::let_go;
  }

  /// Force came from outside: what is left has these times, each from now on.
  void hurry(time_point now, duration each) noexcept {
    bounds_.latest = time_point::max();
    bounds_.finish_by = std::min(bounds_.finish_by, now);
    bounds_.cut_within = std::min(bounds_.cut_within, each);
    bounds_.commit_within = std::min(bounds_.commit_within, each);
    if (forced_) cut_by_ = std::min(cut_by_, now + each);
    if (at_ == stage::committing) commit_by_ = std::min(commit_by_, now + each);
  }

  /// When `next` may say something else for the time alone.
  time_point due() const noexcept {
    if (at_ == stage::committing) return commit_by_;
    return forced_ ? cut_by_ : bounds_.finish_by;
  }
  bool is_over() const noexcept { return at_ == stage::over; }

 private:
  enum class stage : unsigned char { finishing, committing, over };

  bounds bounds_;
  stage at_ = stage::finishing;
  bool forced_ = false;
  time_point cut_by_{}, commit_by_{};
};

}  // namespace lastcall::inline v0::kafka::detail
