#include "lastcall/core/stacks/symbols.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/put_off_signals.hpp"
#include "lastcall/core/threads/timed_semaphore.hpp"

namespace lastcall::inline v0 {
namespace {

/// What the asking thread and the one that libdw works on share: the latter may come too late.
struct inquiry {
  std::vector<std::uintptr_t> addresses;
  std::vector<function_names> names;
  countdown over{1};
};

std::vector<function_names> ask_debug_info(const std::vector<std::uintptr_t>& addresses, duration within) {
  if (within <= duration::zero()) return {};
  // One inquiry at a time: libdw that hangs (on a lock of the loader which a hung thread holds) would otherwise take a
  // thread with each. Never destroyed: an inquiry may end after main.
  static detail::timed_semaphore& one = *new detail::timed_semaphore;
  const time_point by = steady().now() + within;
  if (!one.acquire(by)) return {};
  const auto shared = std::make_shared<inquiry>();
  shared->addresses = addresses;
  try {
    const detail::signals_kept_out from_it;
    detail::own_thread([shared] {
      try {
        shared->names = detail::names_from_debug_info(shared->addresses);
      } catch (const std::exception&) {  // out of memory: the symbol tables will do
        shared->names.clear();
      }
      one.release();
      shared->over.count_down();
    }).detach();
  } catch (const std::system_error&) {
    one.release();
    return {};
  }
  if (!shared->over.wait_until(by)) return {};
  return std::move(shared->names);
}

}  // namespace

std::string detail::readable_symbol(const char* name) {
  constexpr std::size_t most = 200;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                              &std::free);
  std::string text = demangled ? demangled.get() : name;
  constexpr std::string_view ours = "lastcall::", with_version = "lastcall::v0::";  // which nobody writes
  for (std::size_t at = 0; (at = text.find(with_version, at)) != text.npos;)
    text.replace(at, with_version.size(), ours);
  if (text.size() > most) text.replace(most - 3, text.npos, "...");
  return text;
}

std::vector<function_names> symbol_names(std::span<const std::uintptr_t> addresses, duration within) {
  if (addresses.empty()) return {};
  std::vector<std::uintptr_t> distinct(addresses.begin(), addresses.end());
  std::ranges::sort(distinct);
  distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());

  std::vector<function_names> known = ask_debug_info(distinct, within);
  known.resize(distinct.size());
  std::vector<std::uintptr_t> open;
  for (std::size_t i = 0; i < distinct.size(); ++i)
    if (known[i].empty()) open.push_back(distinct[i]);
  const std::vector<std::string> plain = detail::names_from_symbol_tables(open);
  for (std::size_t i = 0, next = 0; i < distinct.size(); ++i)
    if (known[i].empty()) known[i] = {plain[next++]};

  std::vector<function_names> names;
  names.reserve(addresses.size());
  for (const std::uintptr_t address : addresses) {
    const auto at = std::ranges::lower_bound(distinct, address) - distinct.begin();
    names.push_back(known[static_cast<std::size_t>(at)]);
  }
  return names;
}

}  // namespace lastcall::inline v0
