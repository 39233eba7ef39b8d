// One log for all: Lastcall's lines and the program's own go through one logger of spdlog, and the last line is out
// before the process ends.
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/log.hpp"

namespace http = lastcall::http;

namespace {

// A sink must not block, and neither must a handler that logs: a bounded queue, which loses the oldest lines when the
// reader is too slow, and one thread that writes.
std::shared_ptr<spdlog::logger> make_logger() {
  spdlog::init_thread_pool(8192, 1);
  auto to = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  auto made = std::make_shared<spdlog::async_logger>("app", std::move(to), spdlog::thread_pool(),
                                                     spdlog::async_overflow_policy::overrun_oldest);
  made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  made->flush_on(spdlog::level::info);  // each line, as standard output may be a file
  return made;
}

spdlog::level::level_enum level_of(lastcall::log_level level) {
  switch (level) {
    case lastcall::log_level::debug:
      return spdlog::level::debug;
    case lastcall::log_level::info:
      return spdlog::level::info;
    case lastcall::log_level::warning:
      return spdlog::level::warn;
    case lastcall::log_level::error:
      return spdlog::level::err;
    case lastcall::log_level::none:
      break;
  }
  return spdlog::level::off;
}

// The text is data, not a format: what clients send may stand in a field.
lastcall::log_sink sink_to(std::shared_ptr<spdlog::logger> logger) {
  return [logger = std::move(logger)](const lastcall::log_record& r) {
    std::string line(r.component);
    line.append(": ").append(r.text);
    for (const lastcall::log_field& f : r.fields) line.append(" ").append(f.key).append("=").append(f.value);
    logger->log(level_of(r.level), line);
  };
}

int serve(const std::shared_ptr<spdlog::logger>& log, std::uint16_t port) {
  lastcall::app app{{.sink = sink_to(log)}};
  http::router routes;
  routes.get("/orders/{id}", [log](const http::request& req) {
    log->info("order " + std::string(req.param("id")) + " was read");
    return http::text("shipped\n");
  });
  app.add<http::server>("http", {.port = port, .routes = std::move(routes)});
  return app.run();
}

}  // namespace

int main(int argc, char** argv) try {
  const int code = serve(make_logger(), static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8085));
  spdlog::shutdown();  // writes what is queued, and joins the thread. The app is gone: no line comes later
  return code;
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
