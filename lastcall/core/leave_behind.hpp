// Keeps objects that a thread may still use when their owner goes.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// Keeps it for the rest of the process. It stays reachable, so that leak checkers do not report it.   Threads: any.
inline void leave_behind(std::shared_ptr<void> it) {
  static std::mutex mutex;
  static auto& all = *new std::vector<std::shared_ptr<void>>;
  const std::lock_guard lock(mutex);
  all.push_back(std::move(it));
}

}  // namespace lastcall::inline v0::detail
