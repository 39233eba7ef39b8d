// Only for ThreadSanitizer: librdkafka's threads and locks are C11's, which it does not know. g++ 12's runtime crashes
// in a thread that thrd_create has made. Here they are POSIX's, as they are in glibc itself.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>

namespace {

struct start {
  thrd_start_t body;
  void* argument;
};

void* run(void* of) {
  const start it = *static_cast<start*>(of);
  delete static_cast<start*>(of);
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(it.body(it.argument)));
}

// glibc's types have the same memory.
pthread_mutex_t* posix(mtx_t* of) { return reinterpret_cast<pthread_mutex_t*>(of); }
pthread_cond_t* posix(cnd_t* of) { return reinterpret_cast<pthread_cond_t*>(of); }

int answer(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
      return thrd_nomem;
    case ETIMEDOUT:
      return thrd_timedout;
    case EBUSY:
      return thrd_busy;
    default:
      return thrd_error;
  }
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* made, thrd_start_t body, void* argument) {
  auto* const it = new start{body, argument};
  const int error = pthread_create(made, nullptr, run, it);
  if (error != 0) delete it;
  return answer(error);
}
int thrd_join(thrd_t of, int* result) {
  void* value = nullptr;
  const int error = pthread_join(of, &value);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(value));
  return answer(error);
}
void call_once(once_flag* flag, void (*body)()) { pthread_once(reinterpret_cast<pthread_once_t*>(flag), body); }
int thrd_detach(thrd_t of) { return answer(pthread_detach(of)); }

int mtx_init(mtx_t* of, int kind) {
  pthread_mutexattr_t how;
  pthread_mutexattr_init(&how);
  pthread_mutexattr_settype(&how, (kind & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  const int error = pthread_mutex_init(posix(of), &how);
  pthread_mutexattr_destroy(&how);
  return answer(error);
}
int mtx_lock(mtx_t* of) { return answer(pthread_mutex_lock(posix(of))); }
int mtx_trylock(mtx_t* of) { return answer(pthread_mutex_trylock(posix(of))); }
int mtx_timedlock(mtx_t* of, const timespec* until) { return answer(pthread_mutex_timedlock(posix(of), until)); }
int mtx_unlock(mtx_t* of) { return answer(pthread_mutex_unlock(posix(of))); }
void mtx_destroy(mtx_t* of) { pthread_mutex_destroy(posix(of)); }

int cnd_init(cnd_t* of) { return answer(pthread_cond_init(posix(of), nullptr)); }
int cnd_signal(cnd_t* of) { return answer(pthread_cond_signal(posix(of))); }
int cnd_broadcast(cnd_t* of) { return answer(pthread_cond_broadcast(posix(of))); }
int cnd_wait(cnd_t* of, mtx_t* with) { return answer(pthread_cond_wait(posix(of), posix(with))); }
int cnd_timedwait(cnd_t* of, mtx_t* with, const timespec* until) {
  return answer(pthread_cond_timedwait(posix(of), posix(with), until));
}
void cnd_destroy(cnd_t* of) { pthread_cond_destroy(posix(of)); }

}  // extern "C"
