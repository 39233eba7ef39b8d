#include "lastcall/adapters/sqlite/error.hpp"

#include "lastcall/core/unavailable.hpp"

namespace lastcall::inline v0::sqlite {

void raise_as(const error& of) {
  if (of.is_transient()) throw unavailable(of.what());
  throw error(of);
}

}  // namespace lastcall::inline v0::sqlite
