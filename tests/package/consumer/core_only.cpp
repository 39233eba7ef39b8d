// A program without a server: the lifecycle alone.
#include "lastcall/app.hpp"

int main() {
  lastcall::app app{{.grace = std::chrono::seconds(5), .signals = {}}};
  app.request_shutdown("nothing to do");
  return app.run();
}
