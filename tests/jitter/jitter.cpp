// To be preloaded into a test or a server: now and then a thread loses its processor for some milliseconds where it
// hands something over, as on a machine that is too small. What depends on an order that nobody promised shows itself.
//   JITTER_ONE_IN=40 JITTER_MOST_US=8000 LD_PRELOAD=build/release/lib/libjitter.so build/release/bin/lastcall_core_test
// Not for the sanitizers, whose own functions stand in the same places.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace {

unsigned number_in(const char* variable, unsigned otherwise) noexcept {
  const char* const text = std::getenv(variable);
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

/// Also before this library's own objects are there: its functions are called while others are made.
void hold_up() noexcept {
  static thread_local std::uint64_t random = 0;
  static unsigned one_in = number_in("JITTER_ONE_IN", 500), most_us = number_in("JITTER_MOST_US", 5000);
  if (one_in == 0 || most_us == 0) return;
  const int before = errno;
  if (random == 0) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    random = (static_cast<std::uint64_t>(now.tv_nsec) << 20 ^ reinterpret_cast<std::uintptr_t>(&random)) | 1;
  }
  random ^= random << 13;  // xorshift: a test's own generators are left alone
  random ^= random >> 7;
  random ^= random << 17;
  if (random % one_in == 0) {
    const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>((random >> 32) % most_us % 1'000'000) * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
  }
  errno = before;
}

template <class F> F* next(F*& kept, const char* name) noexcept {
  if (!kept) kept = reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
  return kept;
}

struct beginning {
  void* (*run)(void*);
  void* with;
};

void* begin(void* given) {
  const beginning mine = *static_cast<beginning*>(given);
  delete static_cast<beginning*>(given);
  hold_up();
  return mine.run(mine.with);
}

}  // namespace

extern "C" {

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  static int (*real)(pthread_mutex_t*) = nullptr;
  const int result = next(real, "pthread_mutex_unlock")(mutex);
  hold_up();
  return result;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*run)(void*), void* with) noexcept {
  static int (*real)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) = nullptr;
  auto* const mine = new beginning{run, with};
  const int result = next(real, "pthread_create")(thread, how, begin, mine);
  if (result != 0) delete mine;
  return result;
}

int epoll_wait(int epoll, epoll_event* events, int size, int time) {
  static int (*real)(int, epoll_event*, int, int) = nullptr;
  const int result = next(real, "epoll_wait")(epoll, events, size, time);
  hold_up();
  return result;
}

ssize_t read(int file, void* into, size_t size) {
  static ssize_t (*real)(int, void*, size_t) = nullptr;
  hold_up();
  return next(real, "read")(file, into, size);
}

ssize_t write(int file, const void* from, size_t size) {
  static ssize_t (*real)(int, const void*, size_t) = nullptr;
  hold_up();
  return next(real, "write")(file, from, size);
}

ssize_t recv(int socket, void* into, size_t size, int flags) {
  static ssize_t (*real)(int, void*, size_t, int) = nullptr;
  hold_up();
  return next(real, "recv")(socket, into, size, flags);
}

ssize_t send(int socket, const void* from, size_t size, int flags) {
  static ssize_t (*real)(int, const void*, size_t, int) = nullptr;
  hold_up();
  return next(real, "send")(socket, from, size, flags);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  static ssize_t (*real)(int, const msghdr*, int) = nullptr;
  hold_up();
  return next(real, "sendmsg")(socket, message, flags);
}

}  // extern "C"
