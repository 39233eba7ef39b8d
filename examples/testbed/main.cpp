// One whole program on the public API, and the fixture that tests, benchmarks and checks start. docs/testbed.md has its
// contract.
#include <cstdio>
#include <exception>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/tcp.hpp"
#include "options.hpp"
#include "routes.hpp"

namespace {

/// Makes the start take a while, and ends at once when the start is no longer wanted.
struct slow_start : lastcall::component {
  using options = lastcall::duration;
  explicit slow_start(options o) : takes(o) {}
  void start(lastcall::context life) override { life.wait_for(takes); }
  void account(lastcall::component_report& into) const override { into.lost = false; }

  lastcall::duration takes;
};

/// For comparison: the server without its graceful end, as most are stopped.
class abrupt_server final : public lastcall::component {
 public:
  using options = lastcall::http::server_options;
  abrupt_server(options o, lastcall::app& of) : inner_(std::move(o), of), log_(of.log()) {}

  void start(lastcall::context life) override { inner_.start(life); }
  void drain(lastcall::context, lastcall::drained done) override {
    const auto cut = inner_.close();
    log_.warning(
        "testbed", "closed at once",
        {{"requests_cut", std::to_string(cut.requests)}, {"idle_connections", std::to_string(cut.idle_connections)}});
    done();
  }
  void stop() noexcept override { inner_.stop(); }
  void account(lastcall::component_report& into) const override { inner_.account(into); }
  auto addresses() const { return inner_.addresses(); }
  auto tls_address() const { return inner_.tls_address(); }

 private:
  lastcall::http::server inner_;
  lastcall::logger log_;
};

lastcall::task<> echo_lines(lastcall::net::tcp_stream& s) {
  while (const auto line = co_await s.read_until()) {
    const std::string said = std::string(*line) + "\n";
    if (!co_await s.write(said)) co_return;
  }
}

lastcall::task<> echo(lastcall::net::tcp_stream s, lastcall::duration silence) {
  co_await echo_lines(s);
  if (!s.life().draining()) co_return;
  co_await s.write("bye\n");
  s.read_on(silence);  // for lines that cross it on the wire
  co_await echo_lines(s);
}

void echo_lines_blocking(lastcall::net::tcp_stream& s) {
  while (const auto line = s.read_until_blocking())
    if (!s.write_blocking(std::string(*line) + "\n")) return;
}

void echo_blocking(lastcall::net::tcp_stream s, lastcall::duration silence) {
  echo_lines_blocking(s);
  if (!s.life().draining()) return;
  s.write_blocking("bye\n");
  s.read_on(silence);
  echo_lines_blocking(s);
}

/// Starts last: whoever waits for these lines finds everything started.
template <class Server> struct listening_lines : lastcall::component {
  struct options {
    lastcall::handle<Server> server = {};
    lastcall::handle<lastcall::http::admin> admin = {};
    lastcall::handle<lastcall::net::tcp_server> tcp = {};
  };
  explicit listening_lines(options o) : of(o) {}
  void start(lastcall::context) override {
    for (const auto& each : of.server->addresses())
      std::printf("listening on %s%s\n",
                  !each.ip()                         ? ""
                  : each == of.server->tls_address() ? "https://"
                                                     : "http://",
                  to_text(each).c_str());
    if (of.tcp) std::printf("listening on tcp://%s\n", to_text(of.tcp->addresses().front()).c_str());
    if (of.admin) std::printf("listening on http://%s (admin)\n", to_text(of.admin->addresses().front()).c_str());
    std::fflush(stdout);
  }
  void account(lastcall::component_report& into) const override { into.lost = false; }

  options of;
};

}  // namespace

int main(int argc, char** argv) try {
  testbed::options o = testbed::read(argc, argv);
  lastcall::app app(o.app);
  const auto slow = app.add<slow_start>("start-delay", o.start_delay);
  app.add<lastcall::net::runtime>("runtime", {.threads = o.threads}, {slow});
  lastcall::handle<lastcall::http::admin> admin;
  if (o.admin_port) admin = app.add<lastcall::http::admin>("admin", {.address = o.http.address, .port = *o.admin_port});
  lastcall::handle<lastcall::net::tcp_server> tcp;
  if (o.tcp_port) {
    lastcall::net::tcp_server_options t{
        .address = o.http.address, .port = *o.tcp_port, .jitter = o.http.jitter, .linger = o.http.linger};
    t.listen.overlap = o.http.listen.overlap;
    const lastcall::duration silence = o.http.idle_drain_after;
    t.handler = [silence](lastcall::net::tcp_stream s) { return echo(std::move(s), silence); };
    if (o.tcp_blocking)
      t.handler =
          lastcall::net::blocking([silence](lastcall::net::tcp_stream s) { echo_blocking(std::move(s), silence); });
    tcp = app.add<lastcall::net::tcp_server>("tcp", std::move(t));
  }
  o.http.routes = testbed::routes(o.upload_dir);
  const auto herald_needs = [&tcp](lastcall::component_ref http) {
    return tcp ? lastcall::needs{http, tcp} : lastcall::needs{http};
  };
  if (o.close_at_once) {
    const auto http = app.add<abrupt_server>("http", std::move(o.http));
    app.add<listening_lines<abrupt_server>>("listening_lines", {http, admin, tcp}, herald_needs(http));
  } else {
    const auto http = app.add<lastcall::http::server>("http", std::move(o.http));
    app.add<listening_lines<lastcall::http::server>>("listening_lines", {http, admin, tcp}, herald_needs(http));
  }
  return app.run();
} catch (const std::invalid_argument& error) {
  std::fprintf(stderr, "testbed: %s\n", error.what());
  return 2;
}
