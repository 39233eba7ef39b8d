// What came out of a program's own code, in the one form that all of the library uses: never an empty exception_ptr.
#pragma once

#include <cxxabi.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Stands for an exception of another language (a Rust panic, Lua's error()). C++ can catch it, and can't name it:
/// std::current_exception() is empty for it, as if there were none.
struct foreign_exception : std::runtime_error {
  foreign_exception() : std::runtime_error("an exception that is not of C++") {}
};

/// Stands for the end of a thread in the middle of a call: pthread_exit, pthread_cancel.
struct thread_ended : std::runtime_error {
  thread_ended() : std::runtime_error("its thread was ended (pthread_exit or a cancellation)") {}
};

#ifdef _LIBCPP_VERSION
/// Never thrown with libc++, which has no such type: pthread_exit in C++ code ends the process (docs/design/build.md).
class forced_unwind {
  forced_unwind() = delete;
};
#else
/// How the C library ends a thread: by unwinding its stack. Whoever catches it must throw it again, or the C library
/// ends the process.   Source: pthread_exit(3), abi::__forced_unwind of libstdc++.
using forced_unwind = abi::__forced_unwind;
#endif

namespace detail {
/// Source: Itanium C++ ABI, Exception Handling, section 2.2.2, __cxa_eh_globals.
struct exception_counts {
  void* caught;
  unsigned uncaught;
};
}  // namespace detail

/// The exception that is being handled. Only inside of `catch (...)`; use it there and nowhere call
/// std::current_exception(). Lets a forced unwind go on: then it does not return.
inline std::exception_ptr caught() {
  if (std::exception_ptr named = std::current_exception()) return named;
#ifndef _LIBCPP_VERSION
  const auto uncaught = static_cast<unsigned>(std::uncaught_exceptions());
  try {
    throw;
  } catch (const forced_unwind&) {
    throw;
  } catch (...) {  // caught: it has no name
    // libstdc++ counts it as thrown and never as caught; std::cerr no longer flushes then.
    reinterpret_cast<detail::exception_counts*>(abi::__cxa_get_globals())->uncaught = uncaught;
  }
#endif
  return std::make_exception_ptr(foreign_exception());
}

/// Calls `f`. Returns its exception, or nothing.
template <class F> std::exception_ptr exception_of(const F& f) {
  try {
    f();
  } catch (...) {
    return caught();
  }
  return nullptr;
}

/// What `what()` returns. Of something that is not a std::exception: a sentence that says so. `thrown` is not empty.
inline std::string to_text(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {  // caught: it has a name, since it was kept
    return "an exception that is no std::exception";
  }
}

}  // namespace lastcall::inline v0
