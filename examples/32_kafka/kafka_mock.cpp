// Brokers for tests and for trying things out: librdkafka's mock cluster in a process of its own. It speaks the real
// protocol on loopback and keeps messages in memory, at most 100,000 for each partition: older ones go silently.
// Groups, commits and the idempotent producer work; transactions do not.
//   kafka_mock --topic orders:6
// With --control it takes orders by HTTP: POST /down?broker=1, /up?broker=1, /rtt?broker=1&ms=500 (without a broker:
// all), /errors?api=8&code=27&count=5 (Kafka's numbers), /leader?topic=T&partition=0&broker=-1 (-1: none).
#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/http.hpp"

namespace http = lastcall::http;

namespace {

struct cluster {
  explicit cluster(int brokers) {
    char why[256] = "";
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (handle == nullptr) {
      rd_kafka_conf_destroy(conf);
      throw std::runtime_error(why);
    }
    it = rd_kafka_mock_cluster_new(handle, brokers);
    if (it == nullptr) throw std::runtime_error("no mock cluster");
  }
  ~cluster() {
    if (it != nullptr) rd_kafka_mock_cluster_destroy(it);
    rd_kafka_destroy(handle);
  }
  cluster& operator=(cluster&&) = delete;

  /// "NAME:PARTITIONS".
  void add_topic(const std::string& text) const {
    const auto colon = text.rfind(':');
    const int partitions = colon == text.npos ? 0 : std::atoi(text.c_str() + colon + 1);
    if (partitions < 1) throw std::invalid_argument("--topic " + text + ": give NAME:PARTITIONS");
    rd_kafka_mock_topic_create(it, text.substr(0, colon).c_str(), partitions, 1);
  }

  rd_kafka_t* handle = nullptr;
  rd_kafka_mock_cluster_t* it = nullptr;
};

http::router orders_for(const cluster& of) {
  const auto number = [](const http::request& req, const char* name, int otherwise) {
    const auto text = req.query(name);
    return text ? std::atoi(std::string(*text).c_str()) : otherwise;
  };
  const auto say = [](rd_kafka_resp_err_t what) {
    return what == RD_KAFKA_RESP_ERR_NO_ERROR ? http::text("done\n") : http::problem(400, rd_kafka_err2str(what));
  };
  http::router routes;
  routes.post("/down", [&of, number, say](const http::request& req) {
    return say(rd_kafka_mock_broker_set_down(of.it, number(req, "broker", -1)));
  });
  routes.post("/up", [&of, number, say](const http::request& req) {
    return say(rd_kafka_mock_broker_set_up(of.it, number(req, "broker", -1)));
  });
  routes.post("/rtt", [&of, number, say](const http::request& req) {
    return say(rd_kafka_mock_broker_set_rtt(of.it, number(req, "broker", -1), number(req, "ms", 0)));
  });
  routes.post("/errors", [&of, number](const http::request& req) {
    const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(number(req, "count", 1)),
                                                  static_cast<rd_kafka_resp_err_t>(number(req, "code", 0)));
    rd_kafka_mock_push_request_errors_array(of.it, static_cast<std::int16_t>(number(req, "api", 0)), errors.size(),
                                            errors.data());
    return http::text("done\n");
  });
  routes.post("/leader", [&of, number, say](const http::request& req) {
    return say(rd_kafka_mock_partition_set_leader(of.it, std::string(req.query("topic").value_or("")).c_str(),
                                                  number(req, "partition", 0), number(req, "broker", -1)));
  });
  return routes;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App cli("Kafka brokers in memory.", "kafka_mock");
  int brokers = 3;
  std::vector<std::string> topics;
  bool control = false;
  cli.add_option("--brokers", brokers, "how many [3]");
  cli.add_option("--topic", topics, "NAME:PARTITIONS; several times for several topics");
  cli.add_flag("--control", control, "takes orders by HTTP, on a free port of loopback");
  CLI11_PARSE(cli, argc, argv);
  if (brokers < 1 || brokers > 100) throw std::invalid_argument("--brokers: give a number between 1 and 100");

  lastcall::app app;
  const cluster all(brokers);
  for (const std::string& each : topics) all.add_topic(each);
  lastcall::needs before;
  if (control) {
    const auto server =
        app.add<http::server>("control", {.address = "127.0.0.1", .port = 0, .routes = orders_for(all)});
    before = {app.add(
        "control_line",
        {.start = [server] { std::printf("control http://%s\n", to_text(server->addresses().front()).c_str()); }},
        {server})};
  }
  app.add("brokers_line",
          {.start =
               [&] {
                 std::printf("brokers %s\n", rd_kafka_mock_cluster_bootstraps(all.it));
                 std::fflush(stdout);
               }},
          before);
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
