#include "lastcall/net/tcp/tcp_server.hpp"

#include <stdexcept>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/connection/standalone.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_session.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::net {

namespace {

tcp_server_options checked(tcp_server_options o) {
  if (o.name.empty()) o.name = "tcp";
  const auto refuse = [&](const std::string& why) { throw std::invalid_argument(o.name + ": " + why); };
  if (!o.handler) refuse("there is no handler; give one");
  check(o.listen, o.unix_path, o.name);
  if (o.address.empty() && o.unix_path.empty() && o.listen.inherited_fd < 0)
    refuse("nowhere to listen; give an address or a unix_path");
  if (o.tls.certificates.empty() && asks_for_clients(o.tls))
    refuse("client certificates are asked for, but without certificates of the server there is no TLS; give one");
  const lastcall::detail::option_check allowed(o.name);
  allowed.number("input_bytes", o.limits.input_bytes, 1, allowed.most_bytes);
  allowed.number("output_bytes", o.limits.output_bytes, 1, allowed.most_bytes);
  allowed.time("idle_drain_after", o.idle_drain_after);
  allowed.time("idle_close_after", o.limits.idle_close_after);
  allowed.time_above_zero("write_time", o.limits.write_time);
  allowed.time("goodbye_time", o.limits.goodbye_time);
  return o;
}

connection_server_options server_options(const tcp_server_options& o, thread_pool& pool, const logger& log) {
  const auto tls = o.tls.certificates.empty() ? nullptr : std::make_shared<tls_context>(o.tls, o.name, log);
  connection_server_options all{
      .listener_per_loop = o.listener_per_thread,
      .listener_close = o.listener_close,
      .farewell = {.linger = o.linger, .linger_sending = o.linger_sending, .jitter = o.jitter},
      .max_connections = o.max_connections,
      .max_connections_per_address = o.max_connections_per_address,
      .proxies = o.proxies,
      .pool = &pool,
      .name = o.name,
      .log = log};
  if (o.listen.inherited_fd >= 0)
    all.listeners.push_back(listener_at(o.listen));
  else if (!o.address.empty())
    all.listeners.push_back(listener_at(o.listen, endpoint_of(o.address, o.port)));
  if (!o.unix_path.empty()) all.listeners.push_back(listener_at(o.listen, endpoint_of("unix:" + o.unix_path, 0)));
  for (listener_options& each : all.listeners) each.tls = tls;
  return all;
}

}  // namespace

struct tcp_server::parts {
  parts(tcp_server_options o, logger log, runtime* of_app)
      : service(std::make_shared<tcp_service>(std::move(o), log)),
        own(of_app ? nullptr : new standalone),
        server(server_options(service->options, service->pool, log), of_app ? *of_app : own->runtime(),
               [this](arrival it) {
                 connection_set& set = server.set(it.loop);
                 return std::make_unique<tcp_session>(set, std::move(it), service);
               }) {}

  const std::shared_ptr<tcp_service> service;
  const std::unique_ptr<standalone> own;
  connection_server server;
};

tcp_server::tcp_server(options o) : parts_(std::make_unique<parts>(checked(std::move(o)), logger(), nullptr)) {}

tcp_server::tcp_server(options o, app& of) : tcp_server(std::move(o), of.shared<runtime>(), of.log()) {
  if (const auto tls = parts_->server.shared_tls())
    of.also_reload([tls] { static_cast<void>(tls->reload()); });  // it logs its errors
}

tcp_server::tcp_server(options o, runtime& on, logger log)
    : parts_(std::make_unique<parts>(checked(std::move(o)), std::move(log), &on)) {}

tcp_server::~tcp_server() {
  if (!end()) lastcall::detail::leave_behind(std::move(parts_));
}

connection_server& tcp_server::served() const noexcept { return parts_->server; }
standalone* tcp_server::alone() const noexcept { return parts_->own.get(); }

}  // namespace lastcall::inline v0::net
