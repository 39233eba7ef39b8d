#include "lastcall/http/server/admin.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::inline v0::http {

namespace {

constexpr std::size_t most_connections = 128;
constexpr duration look_again = std::chrono::milliseconds(50);
constexpr duration event_interval = std::chrono::seconds(1);
constexpr duration farewell_time = std::chrono::milliseconds(100);
constexpr duration drain_time = std::chrono::milliseconds(250);  // then it is cut: the service has stopped

/// The preStop requests that wait for the end of the readiness delay, or of everything; then the end of the drain.
/// Threads: its loop's only.
class prestop_hook final : public net::timed {
 public:
  prestop_hook(app& a, server& s, net::runtime& r) noexcept : app_(a), server_(s), runtime_(r) {}

  void wait(responder reply) {
    app_.announce();
    waiting_.push_back(std::move(reply));
    look();
  }

  /// Answers them all. What the drain leaves is cut.
  void drain() {
    draining_ = true;
    look();
    wake_in(drain_time);
  }

 private:
  void on_due(time_point) noexcept override { draining_ ? server_.force() : look(); }

  void look() {
    if (waiting_.empty()) return;
    const duration left = app_.readiness_left();
    if (left > duration::zero() && !draining_ && !app_.asked_to_end()) return wake_in(std::min(left, look_again));
    for (responder& each : waiting_) each.send(text("announced\n"));
    waiting_.clear();
  }

  void wake_in(duration time) {
    net::loop& loop = *net::detail::loops_of(runtime_).front();
    loop.schedule(*this, loop.refresh_now() + time);
  }

  app& app_;
  server& server_;
  net::runtime& runtime_;
  std::vector<responder> waiting_;
  bool draining_ = false;
};

response readiness(const app& a, const request& r) {
  const app_status s = a.status();
  const int status = s.ready ? 200 : detail::refusals::not_ready.status;
  if (r.header("Accept").find("application/json") != std::string_view::npos) return json(to_json(s) + "\n", status);
  return text((s.ready ? "ready" : unready_because(s)) + "\n", status);
}

response all_metrics(const app& a) {
  metrics m;
  a.measure(m);
  return response(200).header("Content-Type", metrics::content_type).body(m.text());
}

std::string with_numbers(const app& a, const app_status& s) {
  metrics m;
  a.measure(m);
  return to_json(s, m);
}

bool same_stage(const app_status& a, const app_status& b) {
  return a.phase == b.phase && a.ready == b.ready &&
         std::ranges::equal(a.components, b.components, {}, &component_status::state, &component_status::state);
}

/// The status each second, and at once when something has moved on; ends when we drain, as the last to do so.
task<> send_events(const app& a, sse::stream out) {
  app_status sent;
  const auto send = [&] {
    sent = a.status();
    return out.send({.data = with_numbers(a, sent), .event = "status"});
  };
  for (bool last = false; !last;) {
    last = !co_await send() || out.life().draining();
    const time_point next = steady().now() + event_interval;
    while (!last && steady().now() < next && same_stage(sent, a.status())) last = !co_await out.wait_for(look_again);
  }
  co_await send();
}

}  // namespace

struct admin::parts {
  parts(options o, app& a)
      : thread({.threads = 1, .log = a.log()}),
        hook(a, server, thread),
        server(server_for(std::move(o), a), thread, a.log()) {}

  server_options server_for(options o, app& a) {
    server_options s{.address = std::move(o.address),
                     .port = o.port,
                     .listen = o.listen,
                     .health = false,
                     .name = o.name.empty() ? "admin" : std::move(o.name)};
    s.limits.max_connections = most_connections;
    // It stops last, when the service has stopped: it must not delay the exit.
    s.idle_drain_after = s.jitter = duration::zero();
    s.linger = farewell_time;
    s.listener_close = net::closing_way::accept_until_empty;
    s.routes.get("/livez", [](const request&) { return text("alive\n"); });
    s.routes.get("/readyz", [&a](const request& r) { return readiness(a, r); });
    s.routes.get("/metrics", [&a](const request&) { return all_metrics(a); });
    s.routes.get("/status", [&a](const request&) {
      return json(with_numbers(a, a.status()) + "\n").header("Cache-Control", "no-store");
    });
    s.routes.events("/status/events", [&a](sse::stream out) { return send_events(a, std::move(out)); });
    const auto prestop = [this](const request&, responder reply) { hook.wait(std::move(reply)); };
    s.routes.get("/prestop", prestop).post("/prestop", prestop);
    return s;
  }

  net::runtime thread;
  prestop_hook hook;
  http::server server;
  std::atomic<bool> draining{false};  // set by the drain, read by the thread that forces
};

admin::admin(options o, app& a) : parts_(std::make_unique<parts>(std::move(o), a)) {}

admin::~admin() {
  stop();
  if (parts_->thread.stuck()) lastcall::detail::leave_behind(std::move(parts_));  // its thread still uses it
}

void admin::start(context life) {
  parts_->thread.start(life);
  try {
    parts_->server.start(life);
  } catch (...) {
    parts_->thread.stop();
    throw;
  }
}

void admin::drain(context life, drained done) {
  parts_->draining = true;
  net::detail::loops_of(parts_->thread).front()->post([p = parts_.get()] { p->hook.drain(); });
  parts_->server.drain(std::move(life), std::move(done));
}

/// Before its own drain it goes on answering, until all others have stopped.
void admin::force() noexcept {
  if (parts_->draining) parts_->server.force();
}

void admin::stop() noexcept {
  parts_->server.stop();
  parts_->thread.stop();
}

void admin::account(component_report& into) const {
  component_report own;
  parts_->server.account(own);
  into.fields = std::move(own.fields);
  into.add("connections_accepted", own.connections.accepted);
  into.add("requests_begun", own.requests.begun);
  into.lost = false;
}

std::vector<net::endpoint> admin::addresses() const { return parts_->server.addresses(); }

}  // namespace lastcall::inline v0::http
