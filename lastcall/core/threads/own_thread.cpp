#include "lastcall/core/threads/own_thread.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <system_error>

namespace lastcall::inline v0 {
namespace {

constexpr std::size_t least_stack = 1024 * 1024;

// Not noexcept: pthread_exit unwinds through it.
extern "C" void* lastcall_thread(void* given) {
  const std::unique_ptr<function<void()>> body(static_cast<function<void()>*>(given));
  (*body)();
  return nullptr;
}

// Some of our threads are left behind when something hangs. The code that they run must stay, also of a plugin.
void stay_loaded() noexcept {
  Dl_info here;
  if (dladdr(reinterpret_cast<void*>(lastcall_thread), &here) != 0 && here.dli_fname != nullptr)
    dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace

pthread_t detail::begin_thread(function<void()> body) {
  [[maybe_unused]] static const bool pinned = (stay_loaded(), true);
  auto given = std::make_unique<function<void()>>(std::move(body));
  pthread_attr_t how;
  std::size_t usual = 0;
  int error = pthread_attr_init(&how);
  if (error != 0) throw std::system_error(error, std::generic_category(), "no thread");
  pthread_attr_getstacksize(&how, &usual);
  pthread_attr_setstacksize(&how, std::max(usual, least_stack));
  pthread_t made{};
  error = pthread_create(&made, &how, lastcall_thread, given.get());
  pthread_attr_destroy(&how);
  if (error != 0) throw std::system_error(error, std::generic_category(), "no thread");
  static_cast<void>(given.release());
  return made;
}

}  // namespace lastcall::inline v0
