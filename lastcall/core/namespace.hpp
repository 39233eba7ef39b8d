// The inline namespace that carries the ABI version, and the error for systems other than Linux.
#pragma once

#ifndef __linux__
#error "Lastcall is for Linux only: it stands on epoll, socket options and /proc."
#endif

namespace lastcall {
inline namespace v0 {}
}  // namespace lastcall
