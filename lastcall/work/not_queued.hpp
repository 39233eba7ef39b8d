// Why a queue does not take an item.
#pragma once

#include <string>
#include <utility>

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0 {

/// Its text names the queue, and, when there was no room, what its workers are at work on.
class not_queued : public unavailable {
 public:
  enum class reason : unsigned char {
    full,       ///< there was no room in time
    too_large,  ///< the item has more bytes than the queue takes in all
    draining,   ///< the queue drains, or has stopped
    forced,     ///< the caller's context was forced
  };

  not_queued(reason why, std::string text) : unavailable(std::move(text)), why_(why) {}

  reason why() const noexcept { return why_; }

 private:
  reason why_;
};

}  // namespace lastcall::inline v0
