// Names for code addresses of this process: "function (file:line)". Takes no stacks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

using function_names = std::vector<std::string>;  ///< of one address, innermost first, with the inlined ones

/// One for each of `addresses`, in their order, never empty. An address that is repeated is looked up once.
///
/// With debug information and libdw.so.1: "function (file:line)", and for inlined functions "function (file:line)
/// [inlined]". The first call loads libdw; it is never linked. Without them: "function+0x12 (libx.so)" from symbol
/// tables, or else "libx.so+0x1234". Does not use a network. Does not take the lock of the dynamic loader on the
/// calling thread, since a hung thread may hold it. libdw runs on a thread of its own; names that it has not found
/// after `within` come from the symbol tables. Threads: any.   Blocks: `within`, and while files of /proc and symbol
/// tables are read.
std::vector<function_names> symbol_names(std::span<const std::uintptr_t> addresses, duration within);

namespace detail {
/// By libdw; unknown names stay empty, without libdw all.   Blocks: without a limit, also on the dynamic loader's lock.
std::vector<function_names> names_from_debug_info(std::span<const std::uintptr_t> addresses);
std::vector<std::string> names_from_symbol_tables(std::span<const std::uintptr_t> addresses);  ///< never empty
/// One for each: "libx.so+0x1234", the offset in the file, or only the address if it is in no file.
std::vector<std::string> places_in_files(std::span<const std::uintptr_t> addresses);
/// The demangled name, at most 200 bytes. A name that is not mangled is not changed.
std::string readable_symbol(const char* name);
}  // namespace detail

}  // namespace lastcall::inline v0
