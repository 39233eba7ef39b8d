// What a program throws when something that it stands on is not to be had now, and a later try may succeed.
#pragma once

#include <stdexcept>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// A handler that lets it out has its request answered with 503 and Retry-After instead of 500.
struct unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;

  duration retry_after = std::chrono::seconds(1);
};

}  // namespace lastcall::inline v0
