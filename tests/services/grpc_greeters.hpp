// Greeters of the three kinds that gRPC has, each in an app of its own, with a client.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "greeter.grpc.pb.h"
#include "lastcall/grpc.hpp"

namespace service_tests {

using lastcall::context;
using lastcall::duration;
using lastcall::example::Greeter;
using lastcall::example::HelloReply;
using lastcall::example::HelloRequest;
using lastcall::grpc::context_of;

constexpr auto patience = std::chrono::seconds(60);

/// What a handler does, the same for the three kinds. It may block: it has a thread of its own.
using work = std::function<grpc::Status(const context&)>;

class sync_greeter final : public Greeter::Service {
 public:
  explicit sync_greeter(work does) : does_(std::move(does)) {}
  grpc::Status Hello(grpc::ServerContext* of, const HelloRequest*, HelloReply*) override {
    return does_(context_of(*of));
  }

 private:
  const work does_;
};

class callback_greeter final : public Greeter::CallbackService {
 public:
  explicit callback_greeter(work does) : does_(std::move(does)) {}
  ~callback_greeter() override { join(); }
  void join() {
    const std::lock_guard held(mutex_);
    for (auto& each : threads_) each.join();
    threads_.clear();
  }
  callback_greeter& operator=(callback_greeter&&) = delete;

  grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* of, const HelloRequest*, HelloReply*) override {
    auto* const reactor = of->DefaultReactor();
    const std::lock_guard held(mutex_);
    threads_.emplace_back([this, reactor, life = context_of(*of)] { reactor->Finish(does_(life)); });
    return reactor;
  }

 private:
  const work does_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

/// An asynchronous service whose queue is polled by a component, as the guide says it.
class async_greeter {
 public:
  async_greeter(work does, grpc::ServerBuilder& builder)
      : does_(std::move(does)), queue_(builder.AddCompletionQueue()) {
    builder.RegisterService(&service_);
  }
  lastcall::functions polls() {
    return {.run = [this](const context&) { run(); }, .drain = [this] { end_if_unused(); }, .may_return = true};
  }
  grpc::ServerCompletionQueue& queue() { return *queue_; }
  bool polls_no_more() const noexcept { return ended_; }
  void request_first() {
    begun_ = true;
    const std::lock_guard held(mutex_);
    new one_call(*this);
  }

 private:
  struct one_call {
    explicit one_call(async_greeter& of) : all(of) {
      all.service_.RequestHello(&server_context, &asked, &out, all.queue_.get(), all.queue_.get(), this);
    }
    void next(bool ok) {
      if (!ok || finished) {
        if (thread.joinable()) thread.join();
        delete this;
        return;
      }
      finished = true;
      all.request_first();
      const std::lock_guard held(all.mutex_);
      thread = std::thread([this, life = context_of(server_context)] { out.Finish(reply, all.does_(life), this); });
    }

    async_greeter& all;
    grpc::ServerContext server_context;
    HelloRequest asked;
    HelloReply reply;
    grpc::ServerAsyncResponseWriter<HelloReply> out{&server_context};
    bool finished = false;
    std::thread thread;
  };

  void end_if_unused() {
    if (!begun_) queue_->Shutdown();
  }
  void run() {
    void* tag = nullptr;
    for (bool ok = false; queue_->Next(&tag, &ok);) {
      {
        const std::lock_guard held(mutex_);
      }  // what gRPC's queue orders, for the sanitizer, which does not see it
      static_cast<one_call*>(tag)->next(ok);
    }
    ended_ = true;
  }

  const work does_;
  Greeter::AsyncService service_;
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::atomic<bool> begun_ = false, ended_ = false;
  std::mutex mutex_;
};

inline std::shared_ptr<grpc::Channel> connected_to(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& with = grpc::InsecureChannelCredentials()) {
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  own.SetSslTargetNameOverride("localhost");
  return grpc::CreateCustomChannel(address, with, own);
}

/// Where a greeter listens, and as whom its client comes.
struct listening_at {
  std::string address = "127.0.0.1:0";
  std::shared_ptr<grpc::ServerCredentials> server = grpc::InsecureServerCredentials();
  std::shared_ptr<grpc::ChannelCredentials> client = grpc::InsecureChannelCredentials();
};

enum class api { sync, callback, async };

/// An app with one greeter, and a client of it.
class served {
 public:
  explicit served(work does, api with = api::sync, lastcall::grpc::server_options options = {},
                  const listening_at& at = {})
      : address_(at.address) {
    builder_.AddListeningPort(at.address, at.server, &port_);
    lastcall::needs needs;
    if (with == api::async) {
      async_ = std::make_unique<async_greeter>(std::move(does), builder_);
      needs.push_back(app.add("queue", async_->polls()));
      options.queues.push_back(&async_->queue());
      options.started = [this](grpc::Server&) { async_->request_first(); };
    } else if (with == api::sync) {
      service_ = std::make_unique<sync_greeter>(std::move(does));
    } else {
      service_ = std::make_unique<callback_greeter>(std::move(does));
    }
    if (service_) builder_.RegisterService(service_.get());
    options.builder = &builder_;
    it = app.add<lastcall::grpc::server>("grpc", std::move(options), needs);
    app.start();
    channel = connected_to(address(), at.client);
    stub = Greeter::NewStub(channel);
  }

  std::string address() const { return address_.starts_with("unix") ? address_ : "127.0.0.1:" + std::to_string(port_); }
  grpc::Status hello(grpc::ClientContext* with) const {
    HelloReply reply;
    return stub->Hello(with, HelloRequest(), &reply);
  }
  grpc::Status hello() const {
    grpc::ClientContext with;
    with.set_deadline(std::chrono::system_clock::now() + patience);
    return hello(&with);
  }
  /// Handlers have ended. For a server that hung, which is not destroyed.
  void join() {
    if (auto* const service = dynamic_cast<callback_greeter*>(service_.get())) service->join();
  }
  const lastcall::component_report& end(duration within = std::chrono::seconds(20)) {
    const auto& all = app.shutdown(lastcall::deadline(within));
    exit_code = all.exit_code;
    return *std::ranges::find(all.components, "grpc", &lastcall::component_report::name);
  }

 private:
  const std::string address_;
  grpc::ServerBuilder builder_;
  int port_ = 0;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<async_greeter> async_;

 public:
  lastcall::app app{{.grace = std::chrono::seconds(20),
                     .reserve = std::chrono::seconds(10),
                     .signals = {},
                     .sink = [](const lastcall::log_record&) {},
                     .environment = false}};
  lastcall::handle<lastcall::grpc::server> it;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Greeter::Stub> stub;
  int exit_code = -1;
};

}  // namespace service_tests
