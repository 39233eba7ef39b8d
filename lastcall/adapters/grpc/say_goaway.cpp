#include "lastcall/adapters/grpc/say_goaway.hpp"

#include <grpc/grpc.h>

#include <condition_variable>
#include <memory>
#include <mutex>

/// grpc_core::Server::SendGoaways() of gRPC 1.51, on the object behind a grpc_server. Null: another gRPC, or one that
/// hides its symbols.
[[gnu::weak]] void send_goaways_of_grpc(grpc_server* of) __asm__("_ZN9grpc_core6Server11SendGoawaysEv");

namespace lastcall::inline v0::grpc::detail {

namespace {

// gRPC's inner functions run only within an "ExecCtx", which no header makes. The end of a completion queue with a
// callback is told within one: so a queue is made and ended, and the callback does it.
struct goaway_call : grpc_completion_queue_functor {
  explicit goaway_call(grpc_server* server) : grpc_completion_queue_functor{}, of(server) {
    functor_run = [](grpc_completion_queue_functor* self, int) { static_cast<goaway_call*>(self)->run(); };
    inlineable = 1;
  }

  void run() {
    const auto kept = std::move(self_);  // until here
    const std::lock_guard held(mutex);
    if (of != nullptr) send_goaways_of_grpc(of);
    said = true;
    changed.notify_all();
  }

  static std::shared_ptr<goaway_call> make(grpc_server* of) {
    auto made = std::make_shared<goaway_call>(of);
    made->self_ = made;
    return made;
  }

  std::mutex mutex;
  grpc_server* of;  // null: nobody waits any more, and the server may be gone
  std::condition_variable changed;
  bool said = false;

 private:
  std::shared_ptr<goaway_call> self_;
};

}  // namespace

bool can_say_goaway() noexcept { return send_goaways_of_grpc != nullptr; }

bool say_goaway(grpc_server* of, time_point by) {
  const auto call = goaway_call::make(of);
  grpc_completion_queue* const queue = grpc_completion_queue_create_for_callback(call.get(), nullptr);
  grpc_completion_queue_shutdown(queue);
  grpc_completion_queue_destroy(queue);
  std::unique_lock held(call->mutex);
  const bool said = call->changed.wait_until(held, by, [&] { return call->said; });
  call->of = nullptr;
  return said;
}

}  // namespace lastcall::inline v0::grpc::detail
