// A span for each request and a histogram of their durations, by OpenTelemetry's API. Told to stop, the server finishes
// its requests first; then their spans are flushed.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/middleware.hpp"
#include "lastcall/task.hpp"
#include "otel.hpp"
#include "print_exporter.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
using lastcall::task;

namespace {

// Around a handler of any form. The names are those of OpenTelemetry's semantic conventions.
http::middleware traced(otel::tracer& tracer) {
  return http::around([&tracer](const http::request& req, const lastcall::context& ctx,
                                const http::next_handler& next) -> task<http::response> {
    const http::trace_context from = http::trace(req);  // of the header traceparent, if it is valid
    const auto span =
        tracer.StartSpan(std::string(req.method()) + " " + std::string(req.route()), {{"url.path", req.path()}},
                         from.parent ? otel::parent{from.parent->trace_id, from.parent->parent_id} : otel::parent{});
    try {
      http::response answer = co_await next();
      span->SetAttribute("http.response.status_code", std::to_string(answer.status()));
      if (ctx.draining()) span->SetAttribute("lastcall.cause", to_text(ctx.cause()));
      span->End();
      co_return answer;
    } catch (const std::exception& failure) {
      span->SetError(failure.what());
      span->End();
      throw;
    }
  });
}

// Of every request, those that no handler saw, too. The routes are few, whatever clients ask for.
http::access_sink durations_to(otel::histogram& durations) {
  return [&durations](const http::access_record& r) {
    durations.Record(std::chrono::duration<double>(r.took).count(),
                     {{"http.route", r.route}, {"http.response.status_code", std::to_string(r.status)}});
  };
}

// What uses it names it as a need: the server has stopped when this drains, and no further span comes. Forced, it still
// gets a moment: the reserve is there for it.
lastcall::functions telemetry(otel::provider& provider) {
  return {.drain = [&provider](const lastcall::context& ctx) {
    const auto left = std::max<lastcall::duration>(ctx.drain_end() - lastcall::steady().now(), 100ms);
    if (!provider.ForceFlush(std::chrono::duration_cast<std::chrono::microseconds>(left)))
      throw std::runtime_error("not all spans are out");
  }};
}

}  // namespace

int main(int argc, char** argv) try {
  otel::print_exporter exporter;  // yours: an exporter of OTLP, and its providers. It outlives the app
  lastcall::app app;
  http::router routes;
  routes.use(traced(exporter));
  routes.get("/orders/{id}", [](const http::request&, lastcall::context ctx) -> task<http::response> {
    co_await lastcall::net::wait_until_forced_for(ctx, 200ms);
    co_return http::text("shipped\n");
  });
  const auto spans = app.add("telemetry", telemetry(exporter));
  app.add<http::server>("http",
                        {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8088),
                         .routes = std::move(routes),
                         .access_log = durations_to(exporter)},
                        {spans});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
