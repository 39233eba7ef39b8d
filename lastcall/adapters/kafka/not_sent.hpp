// Why a record was not sent, or is not known to have been.
#pragma once

#include <string>
#include <utility>

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0::kafka {

class not_sent : public unavailable {
 public:
  enum class reason : unsigned char {
    full,         ///< there was no room in time
    too_large,    ///< it has more bytes than the producer or a broker takes
    draining,     ///< the producer drains, or has stopped
    forced,       ///< the caller's context was forced, or its time was up
    undelivered,  ///< no broker has confirmed it in time, or one has refused it; the text says why
  };

  /// `maybe`: it may have been delivered, or may be later.
  not_sent(reason why, std::string text, bool maybe = false)
      : unavailable(std::move(text)), why_(why), maybe_delivered_(maybe) {}

  reason why() const noexcept { return why_; }
  bool maybe_delivered() const noexcept { return maybe_delivered_; }

 private:
  reason why_;
  bool maybe_delivered_;
};

}  // namespace lastcall::inline v0::kafka
