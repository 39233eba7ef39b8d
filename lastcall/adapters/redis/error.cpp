#include "lastcall/adapters/redis/error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0::redis {

bool error::is_transient() const noexcept {
  static constexpr std::array<std::string_view, 10> passing{"OOM",      "LOADING",    "BUSY",       "READONLY",
                                                            "MISCONF",  "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN",
                                                            "TRYAGAIN", "UNKILLABLE"};
  if (why_ == reason::server) return std::ranges::find(passing, code_) != passing.end();
  return why_ != reason::misuse;
}

void raise_as(const error& of) {
  if (of.is_transient()) throw unavailable(of.what());
  throw error(of);
}

}  // namespace lastcall::inline v0::redis
