// A blocking server of another library, cpp-httplib, keeps its routes, its pool and its threads. Its own stop() closes
// what waits in the accept queue and in its pool, and every connection that is between two requests; so before it is
// told, it is given nothing more to lose.
#include <httplib.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"

using namespace std::chrono_literals;

namespace {

/// Of the library's pool: which connections it holds, and whether it has them all.
struct pool_state {
  lastcall::gate inside;
  std::atomic<unsigned> pauses{0};  // how often the accept loop had nothing to do
};

/// The library's own pool, with a ticket for each connection that it was given.
class counted_pool final : public httplib::TaskQueue {
 public:
  explicit counted_pool(pool_state& state) : state_(state) {}
  // It returns nothing in cpp-httplib 0.11, and whether there was room in later ones.
  using enqueued = decltype(std::declval<httplib::ThreadPool&>().enqueue({}));
  enqueued enqueue(std::function<void()> connection) override {
    auto in = std::make_shared<std::optional<lastcall::ticket>>(state_.inside.enter());
    return threads_.enqueue([in = std::move(in), connection = std::move(connection)] { connection(); });
  }
  void shutdown() override { threads_.shutdown(); }
  void on_idle() override { state_.pauses.fetch_add(1); }

 private:
  pool_state& state_;
  httplib::ThreadPool threads_{32};
};

}  // namespace

int main(int argc, char** argv) {
  lastcall::app app{{.grace = 20s}};
  const int wanted = argc > 1 ? std::atoi(argv[1]) : 8091;

  pool_state pool;
  std::atomic<bool> last = false;
  socket_t listening = INVALID_SOCKET;
  httplib::Server svr;

  // The program as it was.
  svr.Get("/", [](const httplib::Request&, httplib::Response& res) { res.set_content("hello\n", "text/plain"); });
  svr.Get("/slow", [](const httplib::Request&, httplib::Response& res) {
    std::this_thread::sleep_for(300ms);
    res.set_content("slow\n", "text/plain");
  });

  // What was added: how to see its listening socket and its connections, and how to ask a client to leave.
  svr.set_socket_options([&](socket_t made) {
    httplib::default_socket_options(made);
    listening = made;
  });
  svr.new_task_queue = [&] { return new counted_pool(pool); };
  svr.set_idle_interval(20ms);
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
                      .run = [&] { svr.listen_after_bind(); },
                      .ready = [&] { return svr.is_running(); },
                      .drain =
                          [&](const lastcall::context& ends) {
                            lastcall::net::settle_listener(static_cast<int>(listening), ends);
                            // It has accepted the last one; once it pauses, its pool has that one.
                            const unsigned before = pool.pauses;
                            const auto wait = [&](const auto& until) {
                              while (!until() && ends.wait_until_forced_for(5ms)) {}
                            };
                            wait([&] { return pool.pauses - before >= 2; });
                            last = true;
                            wait([&] { return pool.inside.inside() == 0; });
                            svr.stop();
                          },
                      .account = [&](lastcall::component_report& into) { into.add("left", pool.inside.inside()); }});
  return app.run();
}
