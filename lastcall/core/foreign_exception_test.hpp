// What a Rust panic over "C-unwind", LuaJIT's error() or an Objective-C throw looks like to C++.
#pragma once

#include <unwind.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace lastcall::testing_core {

inline std::atomic<int> foreign_exceptions{0};  // that were raised and not freed

[[noreturn]] inline void raise_foreign() {
  auto* const it = static_cast<_Unwind_Exception*>(std::calloc(1, sizeof(_Unwind_Exception)));
  std::memcpy(&it->exception_class, "RUSTMOZ\0", 8);
  it->exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception* of) {
    std::free(of);
    --foreign_exceptions;
  };
  ++foreign_exceptions;
  _Unwind_RaiseException(it);
  std::abort();
}

}  // namespace lastcall::testing_core
