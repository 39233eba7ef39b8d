// Names for addresses within the code of this process: "function (file:line)". Takes no stacks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// The function at one address, after those that the compiler inlined into it there, innermost first.
using function_names = std::vector<std::string>;

/// One for each of `addresses`, in their order, never empty; the same address costs only once.
///
/// With debug information and libdw.so.1 on the machine: "function (file:line)", and "function (file:line) [inlined]"
/// before it where the compiler did that. libdw is loaded by the first call and never linked with.
/// Without: "function+0x12 (libx.so)" from the symbol tables, else "libx.so+0x1234". Nothing is fetched from a network.
/// Takes no lock of the dynamic loader on the calling thread: a thread that hangs may hold it. libdw works on a thread
/// of its own; what it has not said after `within` comes from the symbol tables.
/// Threads: any.   Blocks: `within`, and while files of /proc and symbol tables are read.
std::vector<function_names> symbol_names(std::span<const std::uintptr_t> addresses, duration within);

namespace detail {
/// By debug information alone, through libdw; what it does not know stays empty. Empty altogether without libdw.
/// Blocks: for as long as libdw takes, and on the dynamic loader.
std::vector<function_names> names_from_debug_info(std::span<const std::uintptr_t> addresses);
/// By the symbol tables alone; never empty.   Blocks: while files are read.
std::vector<std::string> names_from_symbol_tables(std::span<const std::uintptr_t> addresses);
/// "libx.so+0x1234", the offset in the file; a number alone where there is no file. One for each.
/// Blocks: reads /proc/self/maps.
std::vector<std::string> places_in_files(std::span<const std::uintptr_t> addresses);
/// As C++ wrote it, at most 200 bytes; what is no mangled name stays as it is.
std::string readable_symbol(const char* name);
}  // namespace detail

}  // namespace lastcall::inline v0
