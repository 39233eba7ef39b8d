// A program that hangs in one of many ways when it is told to stop, between a component that it needs ("base") and one
// that has nothing to do with it ("witness"), which both say so when they stop. Prints "now" when the signal may come.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/task.hpp"

namespace {

using namespace std::chrono_literals;
using lastcall::component;
using lastcall::context;
using lastcall::drained;

void say(const char* line) {
  std::string text = std::string(line) + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
}

// The places where it hangs. Their names are looked for in the stacks.

std::atomic<int> turns{0};

[[gnu::noinline]] void wait_for_a_lock() {
  static std::mutex mutex;
  static std::promise<void> taken;
  std::thread([] {
    mutex.lock();
    taken.set_value();
    for (;;) ::pause();
  }).detach();
  taken.get_future().wait();
  mutex.lock();
}

[[gnu::noinline]] void read_for_ever() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  char c;
  while (::read(ends[0], &c, 1) != 0) ++turns;
}

[[gnu::noinline]] void turn_for_ever() {
  for (;;) turns.fetch_add(1, std::memory_order_relaxed);
}

[[gnu::noinline]] void sleep_for_ever() {
  for (;;) std::this_thread::sleep_for(1h);
}

[[gnu::noinline]] void wait_for_a_condition() {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait(lock, [] { return turns < 0; });
}

[[gnu::noinline]] void join_a_thread() {
  std::thread deaf([] { sleep_for_ever(); });
  deaf.join();
}

[[gnu::noinline]] void wait_for_a_stopped_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a stopped child would outlive us, and hold our output open
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status;
  while (::waitpid(child, &status, 0) < 0) ++turns;
}

[[gnu::noinline]] void poll_for_ever() {
  for (;;) ::poll(nullptr, 0, -1);
}

[[gnu::noinline]] void wait_for_a_future() {
  static std::promise<void> never;
  never.get_future().wait();
}

/// Awaits for ever, holding no thread: the one that runs the loop has nothing to do with it.
void drain_by_coroutine(context ctx, drained done) {
  static auto& io = *new boost::asio::io_context;
  static auto& kept = *new std::pair<context, drained>(std::move(ctx), std::move(done));
  boost::asio::co_spawn(
      io,
      []() -> lastcall::task<> {
        boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, 1h);
        const lastcall::waiting here(kept.first, "an answer of the stock");
        co_await never.async_wait(boost::asio::use_awaitable);
        kept.second();
      },
      boost::asio::detached);
  std::thread([] { io.run(); }).detach();
}

/// Does in each verb what it was given.
struct culprit final : component {
  std::function<void()> in_start, in_announce, in_drain, in_force, in_stop, in_account, in_destructor;
  bool never_done = false;
  bool done_when_forced = false;  // never before
  bool done_first = false;        // before in_drain
  bool as_coroutine = false;      // the drain

  ~culprit() override {
    if (in_destructor) in_destructor();
  }
  void start(context) override {
    if (!in_start) return;
    say("now");
    in_start();
  }
  void announce() noexcept override {
    if (in_announce) in_announce();
  }
  void drain(context ctx, drained done) override {
    if (as_coroutine) return drain_by_coroutine(std::move(ctx), std::move(done));
    if (done_first) done();
    if (in_drain) in_drain();
    if (never_done || done_when_forced)
      kept_ = std::move(done);
    else if (!done_first)
      done();
  }
  void force() noexcept override {
    if (in_force) in_force();
    if (done_when_forced) kept_();
  }
  void stop() noexcept override {
    if (in_stop) in_stop();
  }
  void account(lastcall::component_report&) const override {
    if (in_account) in_account();
  }

 private:
  drained kept_;
};

struct speaks_when_it_stops final : component {
  explicit speaks_when_it_stops(const char* l) : line(l) {}
  void stop() noexcept override { say(line); }
  const char* line;
};

/// Once the app is ready: an announcement is left out before.
struct says_now final : component {
  explicit says_now(const lastcall::app& a) : app(a) {}
  void start(context) override {
    says_ = std::jthread([&a = app](const std::stop_token& given_up) {
      while (!a.ready() && !given_up.stop_requested()) std::this_thread::sleep_for(1ms);
      say("now");
    });
  }
  const lastcall::app& app;

 private:
  std::jthread says_;  // joined with it, before the app is gone
};

/// A signal to its own process, once all that it needs has started.
struct raises final : component {
  explicit raises(int n) : number(n) {}
  void start(context) override { ::kill(::getpid(), number); }
  const int number;
};

struct static_destructor {
  ~static_destructor() {
    if (armed) sleep_for_ever();
  }
  bool armed = false;
} hangs_at_exit;

/// Asks its own server once, and never reads the answer.
void ask(const lastcall::http::server& server, const char* target) {
  const auto where = lastcall::net::to_text(server.addresses().at(0));
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) std::abort();
  const std::string request = std::string("GET ") + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
  if (::send(client, request.data(), request.size(), MSG_NOSIGNAL) < 0) std::abort();
}

lastcall::http::router routes() {
  using namespace lastcall::http;
  const auto hangs = [](void (*how)()) {
    say("now");
    how();
    return text("never\n");
  };
  router r;
  r.get("/blocking", blocking([=](const request&) { return hangs(wait_for_a_lock); }));
  r.get("/loop", [=](const request&) { return hangs(turn_for_ever); });
  r.get("/coroutine", [](const request&, context ctx) -> lastcall::task<response> {
    say("now");
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, 1h);
    const lastcall::waiting here(ctx, "an answer of the stock");
    co_await never.async_wait(boost::asio::use_awaitable);
    co_return text("never\n");
  });
  return r;
}

struct asks_the_server final : component {
  asks_the_server(const lastcall::http::server& s, const char* t) : server(s), target(t) {}
  void start(context) override { ask(server, target); }
  const lastcall::http::server& server;
  const char* target;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  lastcall::app_options options{.grace = 1s, .reserve = 300ms, .report_file = argc > 2 ? argv[2] : ""};
  if (kind == "reload_hook") {
    ::signal(SIGHUP, SIG_DFL);  // under nohup it would stay ignored
    options.on_reload = [] {
      say("now");
      wait_for_a_lock();
    };
  }
  if (kind == "log_sink") {
    options.sink = [](const lastcall::log_record& line) {
      if (line.text.find("shutting down") != std::string::npos) wait_for_a_lock();
    };
  }
  lastcall::app app(std::move(options));

  const std::map<std::string, std::function<void(culprit&)>> verbs = {
      {"start_lock", [](culprit& c) { c.in_start = wait_for_a_lock; }},
      {"start_read", [](culprit& c) { c.in_start = read_for_ever; }},
      {"announce_sleep", [](culprit& c) { c.in_announce = sleep_for_ever; }},
      {"drain_lock", [](culprit& c) { c.in_drain = wait_for_a_lock; }},
      {"drain_loop", [](culprit& c) { c.in_drain = turn_for_ever; }},
      {"drain_never_done", [](culprit& c) { c.never_done = true; }},
      {"drain_coroutine", [](culprit& c) { c.as_coroutine = true; }},
      {"drain_done_first",
       [](culprit& c) {
         c.done_first = true;
         c.in_drain = wait_for_a_future;
       }},
      {"forced_stop",
       [](culprit& c) {
         c.done_when_forced = true;
         c.in_stop = wait_for_a_lock;
       }},
      {"force_condition",
       [](culprit& c) {
         c.never_done = true;
         c.in_force = wait_for_a_condition;
       }},
      {"stop_lock", [](culprit& c) { c.in_stop = wait_for_a_lock; }},
      {"stop_read", [](culprit& c) { c.in_stop = read_for_ever; }},
      {"stop_loop", [](culprit& c) { c.in_stop = turn_for_ever; }},
      {"stop_join", [](culprit& c) { c.in_stop = join_a_thread; }},
      {"stop_future", [](culprit& c) { c.in_stop = wait_for_a_future; }},
      {"stop_poll", [](culprit& c) { c.in_stop = poll_for_ever; }},
      {"stop_stopped_child", [](culprit& c) { c.in_stop = wait_for_a_stopped_child; }},
      {"account_sleep", [](culprit& c) { c.in_account = sleep_for_ever; }},
      {"destructor", [](culprit& c) { c.in_destructor = wait_for_a_condition; }},
  };
  const auto base = app.add("base", std::make_unique<speaks_when_it_stops>("base stopped"));
  app.add("witness", std::make_unique<speaks_when_it_stops>("witness stopped"));
  lastcall::needs last{base};
  if (const auto found = verbs.find(kind); found != verbs.end()) {
    auto it = std::make_unique<culprit>();
    found->second(*it);
    last.push_back(app.add("culprit", std::move(it), {base}));
  } else if (kind == "blocking_handler" || kind == "coroutine_handler" || kind == "loop_handler") {
    const auto server =
        app.add<lastcall::http::server>("culprit", {.address = "127.0.0.1", .port = 0, .routes = routes()}, {base});
    const char* target = kind == "blocking_handler" ? "/blocking" : kind == "loop_handler" ? "/loop" : "/coroutine";
    app.add("client", std::make_unique<asks_the_server>(*server, target), {server});
    return app.run();
  } else if (kind == "static_destructor") {
    hangs_at_exit.armed = true;
  } else if (kind == "atexit") {
    std::atexit([] { read_for_ever(); });
  } else if (kind == "run") {
    last.push_back(app.add("culprit", {.run = [] { read_for_ever(); }}, {base}));
  } else if (kind == "reload_hook") {
    app.add("last", std::make_unique<raises>(SIGHUP), last);
    return app.run();
  } else if (kind != "log_sink" && kind != "nothing") {
    std::fprintf(stderr, "hanging: no kind \"%s\"\n", kind.c_str());
    return 2;
  }
  app.add("last", std::make_unique<says_now>(app), last);
  return app.run();
}
