// The inline namespace that carries the ABI version, and what every header refuses: other systems, no exceptions.
#pragma once

#ifndef __linux__
#error "Lastcall is for Linux only: it stands on epoll, socket options and /proc."
#endif
#ifndef __cpp_exceptions
#error "Lastcall needs exceptions, which tell it that a handler failed: compile without -fno-exceptions."
#endif

namespace lastcall {
inline namespace v0 {}
}  // namespace lastcall
