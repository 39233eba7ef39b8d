// A blocking server of another library, cpp-httplib, keeps its routes, its pool and its threads. Its own stop() closes
// what waits in the accept queue and in its pool, and every connection that is between two requests. So it is not
// stopped: its listening ends without loss, and then it has nothing left to do.
#include <httplib.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  lastcall::app app{{.grace = 20s}};
  const int wanted = argc > 1 ? std::atoi(argv[1]) : 8091;

  httplib::Server svr;

  // The program as it was.
  svr.Get("/", [](const httplib::Request&, httplib::Response& res) { res.set_content("hello\n", "text/plain"); });
  svr.Get("/slow", [](const httplib::Request&, httplib::Response& res) {
    std::this_thread::sleep_for(300ms);
    res.set_content("slow\n", "text/plain");
  });
  svr.new_task_queue = [] { return new httplib::ThreadPool(32); };

  // What was added: its listening socket, and how to ask a client to leave.
  socket_t listening = INVALID_SOCKET;
  std::atomic<bool> last = false;
  svr.set_socket_options([&](socket_t made) {
    httplib::default_socket_options(made);
    listening = made;
  });
  svr.set_keep_alive_timeout(1);  // seconds: the silence after which it closes an idle connection
  svr.set_read_timeout(1);        // the longest a thread of its waits for the rest of a request; less than the reserve
  svr.set_post_routing_handler([&](const httplib::Request&, httplib::Response& res) {
    if (!last) return;
    res.headers.erase("Keep-Alive");
    res.headers.erase("Connection");
    res.set_header("Connection", "close");
  });

  app.add("httplib", {.start =
                          [&] {
                            const int port = wanted != 0 && svr.bind_to_port("127.0.0.1", wanted) ? wanted
                                             : wanted == 0 ? svr.bind_to_any_port("127.0.0.1")
                                                           : -1;
                            if (port < 0) throw std::runtime_error("cannot listen on port " + std::to_string(wanted));
                            ::listen(static_cast<int>(listening), 1024);  // its own queue holds five
                            std::printf("listening on http://127.0.0.1:%d\n", port);
                            std::fflush(stdout);
                          },
                      .run = [&] { svr.listen_after_bind(); },  // returns when its pool has finished all connections
                      .ready = [&] { return svr.is_running(); },
                      .announce = [&] { last = true; },
                      .drain = lastcall::net::drain_of_listener([&] { return listening; })});
  return app.run();
}
