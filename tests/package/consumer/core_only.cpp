// A program without a server: the lifecycle alone.
#include <cstdio>
#include <string>

#include "lastcall/app.hpp"

#if LASTCALL_VERSION < 100
#error "the preprocessor can't compare versions"
#endif

int main() {
  std::printf("%s\n", std::string(lastcall::version()).c_str());
  lastcall::app app{{.grace = std::chrono::seconds(5), .signals = {}}};
  app.request_shutdown("nothing to do");
  return app.run();
}
