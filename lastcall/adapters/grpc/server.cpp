#include "lastcall/adapters/grpc/server.hpp"

#include <grpc/grpc.h>
#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "lastcall/adapters/grpc/call_interceptor.hpp"
#include "lastcall/adapters/grpc/calls.hpp"
#include "lastcall/adapters/grpc/farewell_plan.hpp"
#include "lastcall/adapters/grpc/our_sockets.hpp"
#include "lastcall/adapters/grpc/say_goaway.hpp"
#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"
#include "lastcall/net/listen/settle_listener.hpp"

namespace lastcall::inline v0::grpc {

namespace {

using namespace std::chrono_literals;
using detail::farewell_action;

/// For TLS, SETTINGS and the first call of clients that have just connected, and for a busy machine.
constexpr int newcomers_round_trips = 4;
constexpr duration newcomers_time = 20ms;
constexpr duration newcomers_most = 1s;
/// In which handlers that were forced may still give a status.
constexpr duration last_words = 20ms;

/// What the builder was told; its accessor is for classes that derive from it.
struct builder_ports : ::grpc::ServerBuilder {
  static auto of(::grpc::ServerBuilder& builder) { return (builder.*&builder_ports::ports)(); }
};

std::string listed(const std::vector<detail::wanted_address>& all) {
  std::string text;
  for (const auto& one : all) text.append(text.empty() ? "" : ", ").append(one.text);
  return text;
}

std::string_view to_text(farewell_action::kind why) {
  constexpr std::string_view names[] = {"", "gone", "quiet", "late"};
  return names[static_cast<std::size_t>(why)];
}

constexpr auto columns_of_ends = std::span(lastcall::detail::columns<request_ledger>).subspan(1);

std::uint64_t ended_in(const request_ledger& of) {
  std::uint64_t all = 0;
  for (const auto& column : columns_of_ends) all += of.*column.count;
  return all;
}

struct closed_listener {
  net::endpoint local;
  net::settled_listener how;
};

server_options checked(server_options with) {
  if (with.name.empty()) with.name = "grpc";
  if (with.builder == nullptr)
    throw std::invalid_argument(with.name + ": builder = null; give a grpc::ServerBuilder that lives until the start");
  if (std::ranges::any_of(with.interceptors, [](const auto& one) { return one == nullptr; }))
    throw std::invalid_argument(with.name + ": interceptors = null; leave out what is not there");
  if (std::ranges::find(with.queues, nullptr) != with.queues.end())
    throw std::invalid_argument(with.name + ": queues = null; leave out what is not there");
  lastcall::detail::option_check(with.name).time("goodbye_time", with.goodbye_time);
  return with;
}

}  // namespace

struct server::parts {
  parts(server_options with, logger to) : options(checked(std::move(with))), log(std::move(to)) {}

  std::vector<detail::wanted_address> wanted() const;
  void listen();
  void say_not_serving() noexcept;
  void close_listeners(const context& ends);
  void let_newcomers_speak(const context& ends) const;
  void end_connections(const context& ends);
  void shut_down(std::chrono::system_clock::time_point by) noexcept;

  server_options options;
  const logger log;
  const std::shared_ptr<detail::calls> calls = std::make_shared<detail::calls>();
  std::unique_ptr<::grpc::Server> served;
  std::vector<detail::wanted_address> addresses;
  std::vector<net::endpoint> listeners;  // as getsockname says
  std::optional<detail::descriptor_list> descriptors;

  mutable std::mutex mutex;  // of what the report reads
  std::vector<closed_listener> closed;
  std::string_view farewell;
  std::size_t connections_cut = 0;
  bool is_shut_down = false;
};

server::server(options with, app& owner) : server(std::move(with), owner.log()) {}
server::server(options with, logger log) : parts_(std::make_unique<parts>(std::move(with), std::move(log))) {}
server::~server() { stop(); }

::grpc::Server& server::native_handle() const noexcept { return *parts_->served; }

std::vector<net::endpoint> server::addresses() const {
  std::vector<net::endpoint> all;
  for (const net::endpoint& each : parts_->listeners)
    if (std::ranges::find(all, each.unmapped()) == all.end()) all.push_back(each.unmapped());
  return all;
}

std::vector<detail::wanted_address> server::parts::wanted() const {
  std::vector<detail::wanted_address> all;
  for (const auto& port : builder_ports::of(*options.builder)) {
    const bool chosen = port.selected_port != nullptr;
    all.push_back({.text = port.addr,
                   .port = chosen ? static_cast<std::uint16_t>(*port.selected_port) : detail::port_in(port.addr)});
    if (!chosen && all.back().port == 0 && !port.addr.starts_with("unix"))
      throw std::invalid_argument(options.name + ": AddListeningPort(\"" + port.addr +
                                  "\") without an integer for the port; give it a pointer to one");
  }
  return all;
}

void server::parts::listen() {
  std::vector<std::unique_ptr<::grpc::experimental::ServerInterceptorFactoryInterface>> all;
  all.push_back(detail::counted_in(calls));
  std::ranges::move(options.interceptors, std::back_inserter(all));
  options.interceptors.clear();
  options.builder->experimental().SetInterceptorCreators(std::move(all));
  if (options.health) ::grpc::EnableDefaultHealthCheckService(true);
  addresses = wanted();
  descriptors.emplace(options.name);  // first: later there may be no descriptor left to look at the others
  served = options.builder->BuildAndStart();
  if (!served)
    throw std::runtime_error(options.name + ": gRPC can't listen on " + listed(addresses) +
                             "; its log says why, often that another process does");
  addresses = wanted();
  options.builder = nullptr;
  for (const auto& each : detail::listeners_at(*descriptors, addresses)) listeners.push_back(each.local);
  for (const auto& each : addresses)
    if (std::ranges::none_of(listeners, [&](const net::endpoint& one) { return detail::is_at(one, each); }))
      log.warning(options.name, "its socket was not found: clients that connect as it ends may be lost",
                  {{"address", each.text}});
}

void server::start(context) {
  parts& its = *parts_;
  const std::exception_ptr failed = exception_of([&] {
    its.listen();
    for (const net::endpoint& each : addresses())
      its.log.info(its.options.name, "listening on " + std::string(each.ip() ? "grpc://" : "") + to_text(each));
    if (its.options.started) its.options.started(*its.served);
  });
  if (!failed) return;
  its.shut_down(std::chrono::system_clock::now());
  std::rethrow_exception(failed);
}

void server::parts::say_not_serving() noexcept {
  auto* const health = served->GetHealthCheckService();
  if (health != nullptr) health->SetServingStatus(false);
}

void server::announce() noexcept { parts_->say_not_serving(); }

void server::parts::close_listeners(const context& ends) {
  const auto found = detail::listeners_at(*descriptors, addresses);
  // All before the first settles: those of one address share their clients.
  for (const auto& each : found) {
    if (each.local.ip()) {
      net::keep_clients_away(each.fd);
    } else if (!each.local.abstract()) {
      ::unlink(std::string(each.local.path()).c_str());
    }
  }
  for (const auto& each : found) {
    const net::settled_listener how = net::settle_listener(each.fd, ends);
    const std::lock_guard held(mutex);
    closed.push_back({.local = each.local.unmapped(), .how = how});
  }
}

void server::parts::let_newcomers_speak(const context& ends) const {
  const auto seen = detail::look_at_connections(*descriptors, listeners);
  if (seen.open == 0) return;
  ends.wait_until_forced_for(std::min(newcomers_time + newcomers_round_trips * seen.round_trip, newcomers_most));
}

// A gRPC that does not let us say GOAWAY says it in its Shutdown, which then goes on beside us, and is cut short by the
// cancellation of all calls.
void server::parts::end_connections(const context& ends) {
  const bool says_goaway = detail::can_say_goaway();
  lastcall::detail::own_thread shutdown;
  if (!says_goaway) {
    const lastcall::detail::no_signals_of_others blocked;
    shutdown = lastcall::detail::own_thread([this, by = ends.system_end()] { shut_down(by); });
  }
  const auto end = [&](std::chrono::system_clock::time_point by) {
    if (says_goaway) return shut_down(by);
    grpc_server_cancel_all_calls(served->c_server());
    shutdown.join();
  };
  detail::farewell_plan plan(options.goodbye_time, ends.drain_end());
  farewell_action next;
  std::size_t connections = 0;
  while (next.what == farewell_action::kind::wait && !calls->forced()) {
    if (says_goaway) detail::say_goaway(served->c_server(), std::min(ends.drain_end(), steady().now() + 1s));
    const std::size_t in_progress = calls->in_progress();
    const auto seen =
        in_progress == 0 ? detail::look_at_connections(*descriptors, listeners) : detail::connections_seen{.open = 1};
    connections = seen.open;
    next = plan.looked(in_progress, connections, seen.quiet, steady().now());
    if (next.what != farewell_action::kind::wait) break;
    if (in_progress > 0) {
      calls->wait_for_the_last(next.until);
    } else {
      calls->wait_for_force(next.until);
    }
  }
  const bool all_gone = next.what == farewell_action::kind::gone;
  {
    const std::lock_guard held(mutex);
    farewell = next.what == farewell_action::kind::wait ? std::string_view("forced") : to_text(next.what);
    if (next.what == farewell_action::kind::quiet) connections_cut = connections;
  }
  if (all_gone || next.what == farewell_action::kind::quiet) return end(ends.system_end(all_gone ? 1s : 0s));
  calls->wait_for_force(steady().now() + 1s);  // the lifecycle's, which first asks what is in progress
  calls->force();
  calls->wait_for_the_last_forced(steady().now() + last_words);
  end(std::chrono::system_clock::now());
}

// At `by` it cuts all connections. Then it waits for handlers without a bound: the lifecycle has one.
void server::parts::shut_down(std::chrono::system_clock::time_point by) noexcept {
  if (std::exchange(is_shut_down, true)) return;
  static_cast<void>(exception_of([&] {
    if (served) served->Shutdown(by);
    if (options.queues.empty()) return;
    calls->wait_for_the_last();  // what it still sends must find its queue
    for (auto* const each : options.queues) each->Shutdown();
  }));
}

void server::drain(context ends, drained done) {
  parts_->calls->begin_drain(ends.drain_end());
  parts_->say_not_serving();
  parts_->close_listeners(ends);
  parts_->let_newcomers_speak(ends);
  parts_->end_connections(ends);
  done();
}

void server::force() noexcept { parts_->calls->force(); }

// gRPC's server itself stays until the destructor: queues of asynchronous services refer to it until they are empty.
void server::stop() noexcept {
  if (parts_->served) parts_->shut_down(std::chrono::system_clock::now());
}

void server::account(component_report& into) const {
  request_ledger all = parts_->calls->ledger();
  all.forced += all.begun - std::min(all.begun, ended_in(all));  // while it hangs: their clients are cut
  into.requests += all;
  if (into.requests.begun == 0) into.lost = false;
  const std::lock_guard held(parts_->mutex);
  int number = 0;
  for (const auto& each : parts_->closed) {
    const std::string nth = ++number == 1 ? "" : "_" + std::to_string(number);
    into.add("listener" + nth, net::to_text(each.local));
    into.add("listener_close" + nth, std::string(net::to_text(each.how.way)));
    into.add("settled" + nth, std::string(net::to_text(each.how.end)));
    into.add("settle_ms" + nth, lastcall::to_ms(each.how.took));
    into.add("handshakes_given_up" + nth, each.how.given_up);
  }
  if (!parts_->farewell.empty()) into.add("farewell", std::string(parts_->farewell));
  if (parts_->connections_cut > 0) into.add("connections_cut", parts_->connections_cut);
}

void server::measure(metrics& into) const {
  const request_ledger l = parts_->calls->ledger();
  into.counter("lastcall_requests_begun_total", "Requests of which the first byte came.", l.begun);
  for (const auto& [end, count] : columns_of_ends)
    into.counter("lastcall_requests_ended_total", "Requests by how they ended.", l.*count, {{"end", end}});
  const std::uint64_t in_progress = l.begun - std::min(l.begun, ended_in(l));
  into.gauge("lastcall_requests_in_progress", "Requests that have begun and not ended.",
             static_cast<double>(in_progress));
  into.show("requests", in_progress);
}

void server::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  for (work_item& each : parts_->calls->items(limit)) out.push_back(std::move(each));
}

}  // namespace lastcall::inline v0::grpc
