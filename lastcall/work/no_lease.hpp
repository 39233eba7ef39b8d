// Why a pool lends nothing.
#pragma once

#include <string>
#include <utility>

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0 {

/// Its text names the pool, and, when time was up, who holds the leases, since when, and where in the code.
class no_lease : public unavailable {
 public:
  enum class reason : unsigned char {
    timed_out,   ///< none came back in time
    not_opened,  ///< none could be opened in time; the text ends with why
    draining,    ///< the pool drains, or has stopped
    forced,      ///< the caller's context was forced
  };

  no_lease(reason why, std::string text) : unavailable(std::move(text)), why_(why) {}

  reason why() const noexcept { return why_; }

 private:
  reason why_;
};

}  // namespace lastcall::inline v0
