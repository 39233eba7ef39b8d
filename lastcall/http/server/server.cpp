#include "lastcall/http/server/server.hpp"

#include <algorithm>
#include <atomic>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h2/h2_connection.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/connection/standalone.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::http {

namespace {

/// It has a TCP listener without TLS, or an inherited one.
bool has_plain(const server_options& o) noexcept {
  return !o.tls_only && (!o.address.empty() || o.listen.inherited_fd >= 0);
}

/// The place of the TLS listener among all.
std::size_t tls_listener(const server_options& o) noexcept { return has_plain(o) ? 1 : 0; }

std::shared_ptr<net::tls_context> tls_of(const server_options& o, const logger& log) {
  net::tls_options wanted = o.tls;
  wanted.alpn = {"http/1.1"};
  if (o.http2) wanted.alpn.insert(wanted.alpn.begin(), "h2");
  return std::make_shared<net::tls_context>(std::move(wanted), o.name, log);
}

net::connection_server_options tcp_options(const server_options& o, net::thread_pool& pool, const logger& log) {
  net::connection_server_options tcp{.listener_per_loop = o.listener_per_thread,
                                     .listener_close = o.listener_close,
                                     .farewell = {.idle_drain_after = o.idle_drain_after,
                                                  .linger = o.linger,
                                                  .linger_sending = o.linger_sending,
                                                  .jitter = o.jitter},
                                     .max_connections = o.limits.max_connections,
                                     .max_connections_per_address = o.limits.max_connections_per_address,
                                     .proxies = o.proxies,
                                     .pool = &pool,
                                     .name = o.name,
                                     .log = log,
                                     .schemes = {"http", "https"}};
  const auto listen = [&](std::string_view address, std::uint16_t port) {
    tcp.listeners.push_back(net::listener_at(o.listen, net::endpoint_of(address, port)));
  };
  if (o.listen.inherited_fd >= 0) tcp.listeners.push_back(net::listener_at(o.listen));
  if (has_plain(o) && tcp.listeners.empty()) listen(o.address, o.port);
  if (o.tls_port) {
    if (!o.tls_only || tcp.listeners.empty()) listen(o.address, *o.tls_port);
    tcp.listeners.back().tls = tls_of(o, log);
  }
  if (!o.unix_path.empty()) listen("unix:" + o.unix_path, 0);
  return tcp;
}

/// The options with a name.   Errors: std::invalid_argument for what can't work.
server_options checked(server_options o) {
  if (o.name.empty()) o.name = "http";
  check(o.limits);
  check(o.listen, o.unix_path, o.name);
  const bool inherits = o.listen.inherited_fd >= 0;
  if (o.address.empty() && o.unix_path.empty() && !inherits)
    throw std::invalid_argument(o.name + ": nowhere to listen; give an address or a unix_path");
  if (o.tls_port && o.address.empty() && !(inherits && o.tls_only))
    throw std::invalid_argument(o.name + ": tls_port = " + std::to_string(*o.tls_port) + " needs an address");
  if (o.tls_only && !o.tls_port)
    throw std::invalid_argument(o.name + ": tls_only without a tls_port leaves nowhere to listen; give a tls_port");
  if (!o.tls_port && (!o.tls.certificates.empty() || net::asks_for_clients(o.tls)))
    throw std::invalid_argument(o.name + ": there are certificates, but no tls_port to use them on; give one");
  if (!o.timeout_header.empty() && !detail::is_token(o.timeout_header))
    throw std::invalid_argument(o.name + ": timeout_header = \"" + o.timeout_header + "\" is no name of a header");
  if (!o.tls.alpn.empty())
    throw std::invalid_argument(o.name + ": tls.alpn is the server's; leave it out, and set http2");
  return o;
}

using all_shards = std::vector<std::unique_ptr<detail::shard>>;
using counts = detail::websocket_counts;

std::uint64_t sum(const all_shards& all, net::tally counts::* count) {
  std::uint64_t value = 0;
  for (const auto& each : all) value += (each->websockets.*count).value();
  return value;
}

/// WebSockets that did not end as they should, by why.
constexpr std::pair<const char*, net::tally counts::*> websocket_failures[] = {
    {"never_answered_close", &counts::never_answered},
    {"dead", &counts::dead},
    {"broke_protocol", &counts::broken},
    {"too_slow", &counts::too_slow}};

/// Adds nothing if there was no WebSocket. So does the next.
void account_websockets(const all_shards& all, component_report& into) {
  if (sum(all, &counts::opened) == 0) return;
  into.add("websockets", sum(all, &counts::opened));
  into.add("messages_after_close", sum(all, &counts::after_close));
  for (const auto& [why, count] : websocket_failures)
    if (const std::uint64_t n = sum(all, count)) into.add("websockets_" + std::string(why), n);
}

void measure_websockets(const all_shards& all, metrics& into) {
  if (sum(all, &counts::opened) == 0) return;
  into.counter("lastcall_websockets_opened_total", "WebSockets whose handshake was accepted.",
               sum(all, &counts::opened));
  for (const auto& [way, count] : {std::pair{"received", &counts::received}, {"sent", &counts::sent}})
    into.counter("lastcall_websocket_messages_total", "Whole messages.", sum(all, count), {{"way", way}});
  into.counter("lastcall_websocket_messages_after_close_total",
               "Messages that came when nobody was to have them any more.", sum(all, &counts::after_close));
  into.counter("lastcall_websocket_broadcasts_skipped_total", "Broadcasts that a slow reader did not get.",
               sum(all, &counts::skipped));
  for (const auto& [why, count] : websocket_failures)
    into.counter("lastcall_websockets_failed_total", "WebSockets that did not end as they should.", sum(all, count),
                 {{"cause", why}});
}

/// Calls `sink`. What it throws must not end the request that it tells of: it is counted, and told the first time.
access_sink counted(access_sink sink, const logger& log, const std::string& name, std::atomic<std::uint64_t>& lost) {
  if (!sink) return nullptr;
  return [sink = std::move(sink), log, name, &lost](const access_record& r) {
    const std::exception_ptr threw = exception_of([&] { sink(r); });
    if (!threw || lost.fetch_add(1, std::memory_order_relaxed) > 0) return;
    constexpr std::string_view text = "the access log threw; records for which it does are lost";
    log.error(name, text, {{"what", lastcall::to_text(threw)}});
    if (!log.enabled(log_level::error)) try_write_stderr(name + ": " + std::string(text) + "\n");
  };
}

/// Those that were asked for. Patterns are few, whatever clients ask.
void measure_routes(const detail::service& service, const all_shards& all, metrics& into) {
  struct counted {
    const route_name* route;
    detail::request_stats::sums sums;
  };
  std::vector<counted> asked;
  for (const route_name& each : service.routes.routes()) {
    counted one{&each, {}};
    for (const auto& shard : all) shard->stats.of(each.number).add_to(one.sums);
    if (std::ranges::any_of(one.sums.responses, [](std::uint64_t n) { return n > 0; })) asked.push_back(one);
  }
  for (const counted& each : asked)
    for (std::size_t i = 0; i < each.sums.responses.size(); ++i)
      if (each.sums.responses[i] > 0)
        into.counter("lastcall_route_responses_total", "Responses that were sent, by the route that matched.",
                     each.sums.responses[i],
                     {{"method", each.route->method},
                      {"route", each.route->pattern},
                      {"class", detail::request_stats::class_names[i]}});
  for (const counted& each : asked)
    into.histogram("lastcall_route_duration_seconds",
                   "As lastcall_request_duration_seconds, by the route that matched.", detail::request_stats::bounds,
                   each.sums.durations, static_cast<double>(each.sums.nanoseconds) / 1e9,
                   {{"method", each.route->method}, {"route", each.route->pattern}});
}

}  // namespace

struct server::parts {
  parts(options o, logger log, net::runtime* of_app, const app* driver = nullptr)
      : pool(o.blocking, o.name),
        own(of_app ? nullptr : new net::standalone),
        tls_number(tls_listener(o)),
        tcp(tcp_options(o, pool, log), of_app ? *of_app : own->runtime(), [this](net::arrival it) {
          return std::make_unique<detail::h1_connection>(*shards[it.loop], std::move(it.socket), it.remote,
                                                         it.refusing);
        }) {
    service->routes = std::move(o.routes);
    service->limits = o.limits;
    if (o.health) answer_health(driver);
    service->log = std::move(log);
    service->name = std::move(o.name);
    service->pool = &pool;
    service->access_log = counted(std::move(o.access_log), service->log, service->name, access_records_lost);
    service->own_answers = std::move(o.own_answers);
    service->request_ids = o.request_ids;
    service->timeout_header = std::move(o.timeout_header);
    service->http2 = detail::http2_connection;
    service->h2c = o.h2c;
    for (std::size_t i = 0; i < tcp.loops(); ++i)
      shards.push_back(std::make_unique<detail::shard>(service, tcp.set(i)));
  }

  /// Adds GET of /livez and /readyz. Ready is a server that was not announced, and whose app, if any, is ready.
  void answer_health(const app* driver) {
    const auto alive = [](const request&) { return text("alive\n"); };
    const auto ready = [this, driver](const request&) {
      constexpr detail::server_refusal no = detail::refusals::not_ready;
      const bool serves = !announced && (!driver || driver->ready());
      return serves ? text("ready\n") : text(std::string(no.why) + "\n", no.status);
    };
    for (const char* const slash : {"", "/"}) {  // a probe configured with either must not get a page for all paths
      service->routes.get_unless_routed(std::string("/livez") + slash, alive);
      service->routes.get_unless_routed(std::string("/readyz") + slash, ready);
    }
  }

  request_ledger requests() const noexcept {
    request_ledger all;
    for (const auto& each : shards) all += each->requests();
    return all;
  }

  std::atomic<std::uint64_t> access_records_lost{0};
  std::shared_ptr<detail::service> service = std::make_shared<detail::service>();
  net::thread_pool pool;
  std::unique_ptr<net::standalone> own;
  // After the runtime, since coroutines go before their io_context; before the connections, which use them.
  all_shards shards;
  const std::size_t tls_number;
  net::connection_server tcp;
  std::atomic<bool> announced{false};
};

server::server(options o) : parts_(std::make_unique<parts>(checked(std::move(o)), logger(), nullptr)) {}

server::server(options o, app& a)
    : parts_(std::make_unique<parts>(checked(std::move(o)), a.log(), &a.shared<net::runtime>(), &a)) {
  if (const auto tls = parts_->tcp.shared_tls())
    a.also_reload([tls] { static_cast<void>(tls->reload()); });  // it logs what fails
}

server::server(options o, net::runtime& r, logger log)
    : parts_(std::make_unique<parts>(checked(std::move(o)), std::move(log), &r)) {}

server::~server() {
  if (!end()) lastcall::detail::leave_behind(std::move(parts_));
}

void server::begin(const context& life) {
  parts_->service->life = life;
  for (auto& each : parts_->shards) each->begin(life);
}

void server::announce() noexcept { parts_->announced = true; }

void server::drain(context life, drained done) {
  parts_->announced = true;
  served_component::drain(std::move(life), std::move(done));
}

void server::stop() noexcept {
  for (auto& each : parts_->shards) each->coroutines().close_soon();
  served_component::stop();  // waits for what was posted to the loops
}

void server::account(component_report& into) const {
  served_component::account(into);
  into.requests += parts_->requests();
  account_websockets(parts_->shards, into);
  std::uint64_t refused = 0;
  for (const auto& each : parts_->shards) refused += each->refused_streams.value();
  if (refused > 0) into.add("streams_refused", refused);
  if (const std::uint64_t lost = parts_->access_records_lost.load(std::memory_order_relaxed))
    into.add("access_records_lost", lost);
}

void server::measure(metrics& into) const {
  served_component::measure(into);
  const request_ledger l = parts_->requests();
  into.counter("lastcall_requests_begun_total", "Requests of which the first byte came.", l.begun);
  std::uint64_t ended = 0;
  for (const auto& [end, count] : std::span(lastcall::detail::columns<request_ledger>).subspan(1)) {
    into.counter("lastcall_requests_ended_total", "Requests by how they ended.", l.*count, {{"end", end}});
    ended += l.*count;
  }
  // Loops go on counting meanwhile: an end may be seen before its begin.
  const std::uint64_t in_progress = std::max(l.begun, ended) - ended;
  into.gauge("lastcall_requests_in_progress", "Requests that have begun and not ended.",
             static_cast<double>(in_progress));
  into.show("requests", in_progress);
  into.gauge("lastcall_blocking_jobs", "Jobs of the blocking pool that run or wait.",
             static_cast<double>(parts_->pool.busy()));
  detail::request_stats::sums sums;
  for (const auto& each : parts_->shards) each->stats.add_to(sums);
  for (std::size_t i = 0; i < sums.responses.size(); ++i)
    into.counter("lastcall_responses_total", "Responses that were sent.", sums.responses[i],
                 {{"class", detail::request_stats::class_names[i]}});
  into.histogram("lastcall_request_duration_seconds",
                 "From the first byte of a request to the last byte of its response.", detail::request_stats::bounds,
                 sums.durations, static_cast<double>(sums.nanoseconds) / 1e9);
  measure_routes(*parts_->service, parts_->shards, into);
  measure_websockets(parts_->shards, into);
}

net::connection_server& server::served() const noexcept { return parts_->tcp; }
net::standalone* server::alone() const noexcept { return parts_->own.get(); }

net::endpoint server::tls_address() const {
  return parts_->tcp.shared_tls() ? parts_->tcp.address(parts_->tls_number) : net::endpoint();
}

request_ledger server::requests() const noexcept { return parts_->requests(); }

}  // namespace lastcall::inline v0::http
