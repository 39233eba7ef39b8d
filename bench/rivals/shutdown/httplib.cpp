// A cpp-httplib service that stops as programs do: stop() on SIGTERM.
#include <httplib.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

int main() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(400); };  // a thread for each connection of the load
  server.Get("/", [](const httplib::Request&, httplib::Response& r) { r.set_content("hello\n", "text/plain"); });
  server.Get("/slow", [](const httplib::Request& q, httplib::Response& r) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(q.get_param_value("ms"))));
    r.set_content("slow\n", "text/plain");
  });
  std::thread stops([&] {
    int which = 0;
    sigwait(&ends, &which);
    server.stop();
  });
  std::printf("listening on http://127.0.0.1:%d\n", server.bind_to_any_port("127.0.0.1"));
  std::fflush(stdout);
  server.listen_after_bind();
  stops.join();
}
