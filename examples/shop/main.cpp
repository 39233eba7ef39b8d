// A shop: one whole service. Orders come over HTTP, are stored in a database, go to Kafka, and come back to be packed
// and shipped; whoever watches sees it live.
//
//   http ──▶ outbox ──▶ producer          A ──▶ B: A needs B. So A starts after B, and B drains when A has stopped.
//    │         └──────▶ tables ──▶ database
//    ├───▶ inventory ─▶ stock ──▶ tables
//   consumer ──────────▶ tables           heartbeat needs nothing.
//
// Told to stop, first at the same time:
//   http       lets those who have connected finish; WebSockets get 1001, event streams a hint when to come back.
//   consumer   finishes the orders that it packs, commits, and leaves its group. What waits is for the next process.
//   heartbeat  says goodbye.
// Then what these stood on:
//   inventory  finishes the calls of others; the shop's own are over.
//   outbox     sends the last events: nobody can add one any more.
//   producer   after the outbox: delivers, and closes.
//   database   at the very end, when nobody asks any more: no transaction is cut.
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "embedded_kafka.hpp"
#include "events.hpp"
#include "inventory.hpp"
#include "lastcall/http.hpp"
#include "lastcall/kafka.hpp"
#include "lastcall/work.hpp"
#include "options.hpp"
#include "orders.hpp"
#include "routes.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
namespace kafka = lastcall::kafka;

namespace {

int serve(const shop::options& o) {
  std::filesystem::create_directories(o.data);
  const std::string brokers = o.kafka == "embedded" ? shop::embedded_kafka(o.data) : o.kafka;  // forks: before the app
  lastcall::app app(o.app);
  const shop::parts to(app, o.ends);
  shop::live live;
  const auto orders = shop::add_orders(to, o.db);
  const auto tables =
      app.add("tables", {.start = [&](const lastcall::context& ctx) { orders->prepare(ctx); }}, {orders->database});
  const auto goods = shop::add_inventory(to, *orders, o.stock, o.address, o.grpc_port, {tables});

  const auto producer = to.add<kafka::producer>(
      "producer", {.brokers = brokers,
                   .deliver_within = 5s,
                   .config = {{"queue.buffering.max.ms", "0"}}});  // the outbox has one at a time
  const auto publisher = to.add<lastcall::periodic>(
      "outbox",
      {.tick = [&, producer](const lastcall::context& ctx) { shop::publish(*orders, *producer, ctx); },
       .every = 20ms,
       .at_the_end = true},
      {tables, producer});
  to.add<kafka::consumer>(
      "consumer",
      {.brokers = brokers,
       .group = "shop",
       .topics = {shop::topic},
       .work = [&](const kafka::message& of, const lastcall::context& ctx) { shop::ship(*orders, live, of, ctx); },
       .most_tries = 0,
       .commit_every = 100ms,
       // The last bounds how long it waits for a group that does not answer; the others, for one that died.
       .config = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}, {"max.poll.interval.ms", "20000"}}},
      {tables});
  to.add<lastcall::periodic>("heartbeat", {.tick =
                                               [&](const lastcall::context& ctx) {
                                                 std::ofstream(o.data + "/heartbeat")
                                                     << (ctx.draining() ? "ended " : "alive ") << std::time({});
                                               },
                                           .at_the_end = true});

  const auto server = to.add<http::server>("http",
                                           {.address = o.address,
                                            .port = o.port,
                                            .routes = shop::routes(*orders, *goods, live),
                                            .blocking = {.threads = 64},
                                            .own_answers = http::problem_json,
                                            .timeout_header = "X-Request-Timeout",
                                            .jitter = o.jitter},
                                           {tables, goods->service, publisher});
  lastcall::handle<http::admin> admin;
  if (o.admin_port) admin = app.add<http::admin>("admin", {.address = o.address, .port = *o.admin_port});
  app.add("listening_lines",
          {.start =
               [&] {
                 std::printf("listening on http://%s\n", to_text(server->addresses().front()).c_str());
                 std::printf("listening on grpc://%s\n", goods->address().c_str());
                 if (admin)
                   std::printf("listening on http://%s (admin)\n", to_text(admin->addresses().front()).c_str());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
}

}  // namespace

int main(int argc, char** argv) try {
  const shop::options o = shop::read_options(argc, argv);
  if (o.check) return shop::check(o.db) ? 0 : 1;
  if (o.stop_kafka) return std::puts(shop::stop_embedded_kafka(o.data) ? "stopped" : "none runs") < 0 ? 1 : 0;
  return serve(o);
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
