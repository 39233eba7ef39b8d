#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

namespace shop {

namespace {

/// An option whose text `parse` makes a value of.
template <class T, class F>
void add(CLI::App& cli, const std::string& name, T& into, F parse, const std::string& wanted, const std::string& help) {
  cli.add_option_function<std::string>(
      name,
      [&into, parse, name, wanted](const std::string& text) {
        const auto parsed = parse(text);
        if (!parsed) throw CLI::ValidationError(name, "\"" + text + "\": write " + wanted);
        into = *parsed;
      },
      help);
}

}  // namespace

options read_options(int argc, char** argv) {
  options o;
  std::string stop;
  CLI::App cli("A shop: orders over HTTP, kept in a database, shipped by way of Kafka.", "shop");
  const auto time = [&cli](const std::string& name, lastcall::duration& into, const std::string& help) {
    add(cli, name, into, lastcall::parse_duration, "250ms, 20s or 2m", help);
  };
  cli.add_option("--address", o.address, "where it listens [127.0.0.1]");
  cli.add_option("--port", o.port, "of HTTP; 0 picks a free one [8080]");
  cli.add_option("--grpc-port", o.grpc_port, "of the inventory [0: a free one]");
  cli.add_option("--admin-port", o.admin_port, "health, metrics, status; 0 picks a free one [none]");
  time("--grace", o.app.grace, "from the signal to the exit [20s]");
  time("--readiness-delay", o.app.readiness_delay, "how long it serves on after it was told [0s]");
  time("--jitter", o.jitter, "the window over which WebSockets and event streams are told [1s]");
  cli.add_option("--report", o.app.report_file, "a file for the report of the shutdown");
  add(cli, "--log", o.app.log, lastcall::parse_log_level, "debug, info, warning, error or none", "how much [info]");
  cli.add_option("--data", o.data, "the folder for what it keeps [./shop-data]");
  cli.add_option("--db", o.db, "sqlite:PATH or postgres:CONNINFO [sqlite:DATA/shop.db]");
  cli.add_option("--kafka", o.kafka, "embedded, or HOST:PORT,HOST:PORT [embedded]");
  cli.add_option("--stock", o.stock, "how many there are of each item [no end]")->check(CLI::NonNegativeNumber);
  cli.add_flag("--stop-kafka", o.stop_kafka, "ends the embedded brokers");
  cli.add_option("--stop", stop, "graceful, or for comparison close: each part is cut at once [graceful]")
      ->check(CLI::IsMember({"graceful", "close"}));
  cli.add_option("--hang", o.ends.hangs, "for tests: the component that never drains")
      ->check(CLI::IsMember({"http", "consumer", "heartbeat", "inventory", "outbox", "producer", "database"}));
  cli.add_subcommand("check", "proves what the database holds: exit 0 if it is whole, 1 if not")->fallthrough();
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& why) {
    const bool help = why.get_exit_code() == 0;
    std::fprintf(help ? stdout : stderr, "%s\n", help ? cli.help().c_str() : why.what());
    std::exit(help ? 0 : 2);
  }
  o.ends.close = stop == "close";
  o.check = cli.got_subcommand("check");
  if (o.db.empty()) o.db = "sqlite:" + o.data + "/shop.db";
  return o;
}

}  // namespace shop
