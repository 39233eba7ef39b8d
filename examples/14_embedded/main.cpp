// The service as a process of its own: run() owns signals, report and exit code.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "service.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  lastcall::app app{{.grace = 20s}};
  service it;
  const auto serving = it.build(app, static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8094));
  app.add("listening_lines",
          {.start =
               [&] {
                 std::printf("listening on http://127.0.0.1:%d\n", it.port());
                 std::fflush(stdout);
               }},
          {serving});
  return app.run();
}
