#include "lastcall/adapters/postgres/error.hpp"

#include <string_view>

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0::postgres {

// 08 connection, 40 rolled back, 53 resources, 57 operator intervention: of the server's state, not of the statement.
bool error::is_transient() const noexcept {
  if (why_ != reason::server) return why_ != reason::misuse;
  const std::string_view kind = std::string_view(sqlstate_).substr(0, 2);
  return kind == "08" || kind == "40" || kind == "53" || kind == "57";
}

void raise_as(const error& of) {
  if (of.is_transient()) throw unavailable(of.what());
  throw error(of);
}

}  // namespace lastcall::inline v0::postgres
