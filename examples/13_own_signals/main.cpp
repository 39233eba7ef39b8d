// A program that handles its signals itself goes on doing so: Lastcall installs no handler, and is told by
// request_shutdown(). Here a thread waits for them, and SIGHUP means something else altogether.
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

int main(int argc, char** argv) {
  // Blocked before the first thread is there: one that had them open would take the signal, and die of it.
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&ours, number);
  pthread_sigmask(SIG_BLOCK, &ours, nullptr);

  lastcall::app app{{.grace = 20s, .signals = {}}};
  std::atomic<int> reloads = 0;

  std::thread handling([&] {
    for (int number = 0; number != SIGUSR1;) {  // which main() sends when all is over
      sigwait(&ours, &number);
      if (number == SIGHUP) ++reloads;
      // The first to ask counts, so it may come twice; what a second one means is this program's own business.
      if (number == SIGTERM || number == SIGINT) app.request_shutdown("told by signal " + std::to_string(number));
    }
  });

  http::router routes;
  routes.get("/",
             [&](const http::request&) { return http::text("hello, reloaded " + std::to_string(reloads) + "\n"); });
  const auto server =
      app.add<http::server>("http", {.address = "127.0.0.1",
                                     .port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8093),
                                     .routes = std::move(routes)});
  app.add("listening_lines",
          {.start =
               [&] {
                 std::printf("listening on http://%s\n", to_text(server->addresses().front()).c_str());
                 std::fflush(stdout);
               }},
          {server});

  const int code = app.run();
  pthread_kill(handling.native_handle(), SIGUSR1);
  handling.join();
  return code;
}
