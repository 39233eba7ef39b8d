// A server of gRPC as a component: it is built by the program's own ServerBuilder, and ends without losing a call. No
// services, no credentials, no channels: those are gRPC's.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/net/endpoint.hpp"

namespace grpc {
class Server;
class ServerBuilder;
class ServerCompletionQueue;
}  // namespace grpc

namespace lastcall::inline v0::grpc {

struct server_options {
  /// The program's own, with its services, addresses, credentials and limits. It must live until the server has
  /// started, and so must the integers that its AddListeningPort fills: of a port 0 there must be one.
  ::grpc::ServerBuilder* builder = nullptr;
  /// The program's interceptors, called in this order. The builder's SetInterceptorCreators is used here: what it was
  /// given before has no effect.
  std::vector<std::unique_ptr<::grpc::experimental::ServerInterceptorFactoryInterface>> interceptors = {};
  /// Called once the server listens: to request the first calls of asynchronous services, which need a server.
  function<void(::grpc::Server&)> started = {};
  /// Of asynchronous services: their Shutdown is called when the server's is over, and each call has got its status or
  /// was given up (its ServerContext is gone), or when the start has failed. The program polls them until then, in a
  /// component that this one needs: a worker that returns when Next gives false. That one is drained without this one
  /// having been started when another component has failed: then it calls Shutdown itself.
  std::vector<::grpc::ServerCompletionQueue*> queues = {};
  /// Registers gRPC's health service, unless the builder has one: SERVING from the start to the announcement.
  bool health = true;
  /// At the drain: how long a connection without calls may be quiet until it is cut. Most go at once. It bounds clients
  /// that do not answer a PING, and those that only watch the health service.
  duration goodbye_time = std::chrono::seconds(1);
  /// The name in logs, errors and metrics. Empty: its name in the app, or "grpc".
  std::string name = {};
};

/// - Announcement: the health service says NOT_SERVING; all is served.
/// - Drain: new clients are refused, and none that has connected is lost; the contexts of calls drain; connections get
///   a GOAWAY, and go when their calls are over. Calls that were sent before it came are served.
/// - Force: contexts are forced; what has not ended 20 ms later is cut, and its client sees UNAVAILABLE. A handler that
///   goes on makes the server hung, and is named with its method, peer and age.
/// - Lost at worst: calls at the drain end.
class server final : public component {
 public:
  using options = server_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  server(options with, app& owner);
  explicit server(options with, logger log = {});
  ~server() override;

  /// Where it listens, with the ports that the kernel chose; IPv4 addresses as such. Once it has started.
  std::vector<net::endpoint> addresses() const;
  /// gRPC's own, once it has started. Its Shutdown is called by this component.
  ::grpc::Server& native_handle() const noexcept;

  /// Errors: std::runtime_error that names the addresses when gRPC can't listen, or /proc/self/fd when that can't be
  /// read, by which it finds gRPC's sockets; std::invalid_argument for a port 0 without an integer; what `started`
  /// throws. Then it does not listen any more.
  void start(context) override;
  void announce() noexcept override;
  /// Blocks: until all is over.
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

 private:
  struct parts;

  const std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::grpc
