// The inline namespace that carries the ABI version, and the one sentence for systems we do not run on.
#pragma once

#ifndef __linux__
#error "Lastcall is for Linux only: it stands on epoll, socket options and /proc."
#endif

namespace lastcall {
inline namespace v0 {}
}  // namespace lastcall
