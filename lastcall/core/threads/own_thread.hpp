// Threads of the library, with stacks of a size of their own: the default is that of the process (`ulimit -s`), which
// may be too small for a report with stacks and names.
#pragma once

#include <pthread.h>

#include <utility>

#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::detail {

/// Begins a thread whose stack has at least 1 MiB (memory is taken as it is used). From the first one on the shared
/// object that this code is in is never unloaded.   Errors: std::system_error when there is no thread left.
pthread_t begin_thread(function<void()> body);

/// As std::thread.
class own_thread {
 public:
  own_thread() noexcept = default;
  explicit own_thread(function<void()> body) : thread_(begin_thread(std::move(body))), joinable_(true) {}
  own_thread(own_thread&& other) noexcept : thread_(other.thread_), joinable_(std::exchange(other.joinable_, false)) {}
  own_thread& operator=(own_thread&& other) noexcept {
    std::swap(thread_, other.thread_);
    std::swap(joinable_, other.joinable_);
    return *this;
  }

  bool joinable() const noexcept { return joinable_; }
  void join() noexcept {
    if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);
  }
  void detach() noexcept {
    if (std::exchange(joinable_, false)) pthread_detach(thread_);
  }
  pthread_t native_handle() const noexcept { return thread_; }

 private:
  pthread_t thread_{};
  bool joinable_ = false;
};

}  // namespace lastcall::inline v0::detail
