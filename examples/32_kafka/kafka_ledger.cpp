// A ledger: each message of a topic becomes a row of a database, then its offset is committed. Told to stop, it
// finishes what it is at, commits, and leaves its group, so that the other members go on at once. What is killed
// instead may be done twice, never lost.
//   kafka_ledger --brokers LIST --topic T --group G --db FILE
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/kafka.hpp"
#include "lastcall/sqlite.hpp"

using namespace std::chrono_literals;
namespace kafka = lastcall::kafka;
namespace sqlite = lastcall::sqlite;

int main(int argc, char** argv) try {
  CLI::App cli("Writes each message of a topic into a database.", "kafka_ledger");
  std::string brokers, topic, group, db, report, work = "2ms", grace = "10s", session = "6s", log = "info";
  bool eager = false, by_key = false;
  std::size_t workers = 4;
  cli.add_option("--brokers", brokers, "HOST:PORT,HOST:PORT")->required();
  cli.add_option("--topic", topic, "the topic to consume")->required();
  cli.add_option("--group", group, "its consumer group")->required();
  cli.add_option("--db", db, "the file of the database; several ledgers may share it")->required();
  cli.add_option("--work", work, "what each message takes [2ms]");
  cli.add_option("--workers", workers, "threads [4]");
  cli.add_flag("--by-key", by_key, "keeps the order of keys instead of partitions");
  cli.add_flag("--eager", eager, "gives up all partitions whenever a member comes or goes");
  cli.add_option("--session", session, "after what silence the group takes it for dead [6s]");
  cli.add_option("--grace", grace, "from the signal to the exit [10s]");
  cli.add_option("--report", report, "a file for the report of the shutdown");
  cli.add_option("--log", log, "debug, info, warning, error or none [info]");
  CLI11_PARSE(cli, argc, argv);

  const lastcall::duration takes = lastcall::parse_duration(work).value();
  const auto session_ms = std::chrono::ceil<std::chrono::milliseconds>(lastcall::parse_duration(session).value());
  const auto longest_join = std::max<std::chrono::milliseconds>(20s, session_ms);
  lastcall::app app{{.grace = lastcall::parse_duration(grace).value(),
                     .report_file = report,
                     .log = lastcall::parse_log_level(log).value_or(lastcall::log_level::info)}};
  const auto rows = app.add<sqlite::pool>("sqlite", {.path = db, .durability = sqlite::durability::process});
  const auto table = app.add(
      "table",
      {.start =
           [&](const lastcall::context& ctx) {
             // No unique key: what is done twice shows.
             const auto on = *rows->write(ctx);
             static_cast<void>(*on->query(ctx, R"(create table if not exists processed(partition, "offset", value))"));
           }},
      {rows});
  const auto messages =
      app.add<kafka::consumer>("kafka",
                               {.brokers = brokers,
                                .group = group,
                                .topics = {topic},
                                .work =
                                    [&](const kafka::message& of, const lastcall::context& ctx) {
                                      if (!ctx.wait_until_forced_for(takes)) throw std::runtime_error("cut");
                                      const auto on = *rows->write(ctx);
                                      static_cast<void>(*on->query(ctx, "insert into processed values (?1, ?2, ?3)",
                                                                   of.partition, of.offset, of.value.value_or("")));
                                    },
                                .order = by_key ? kafka::order::key : kafka::order::partition,
                                .rebalance = eager ? kafka::rebalance::eager : kafka::rebalance::cooperative,
                                .workers = workers,
                                .commit_every = 10ms,
                                .config = {{"session.timeout.ms", std::to_string(session_ms.count())},
                                           {"heartbeat.interval.ms", std::to_string(session_ms.count() / 10)},
                                           // A join that is not answered in so long is sent anew, not after 5 minutes.
                                           {"max.poll.interval.ms", std::to_string(longest_join.count())}}},
                               {table, rows});
  app.add("consuming_line",
          {.start =
               [&] {
                 std::printf("consuming %s\n", topic.c_str());
                 std::fflush(stdout);
               }},
          {messages});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
