// A bank behind a server: transfers that are done wholly or not at all, also when the program is told to stop.
#include <CLI/CLI.hpp>
#include <boost/json/src.hpp>  // all of it, so there is no library to link with
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <string>

#include "bank.hpp"
#include "lastcall/http.hpp"
#include "lastcall/log.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
namespace json = boost::json;

namespace {

kept_bank open_bank(lastcall::app& app, const std::string& db, std::size_t connections) {
  const std::string where = db.substr(db.find(':') + 1);
  if (db.starts_with("postgres:")) return postgres_bank(app, where, connections);
  if (db.starts_with("sqlite:")) return sqlite_bank(app, where, connections);
  throw std::invalid_argument("--db " + db + ": give sqlite:PATH or postgres:CONNINFO");
}

http::response json_answer(const json::value& of) {
  return http::text(json::serialize(of) + "\n").header("Content-Type", "application/json");
}

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= 200 && text.find('\0') == text.npos;  // databases cut text at a NUL
}

std::optional<transfer> transfer_of(const http::request& req) {
  boost::system::error_code bad;
  const json::value sent = json::parse(req.body(), bad);
  const json::object* const all = bad ? nullptr : sent.if_object();
  if (!all) return std::nullopt;
  const json::value* const key = all->if_contains("key");
  const auto number = [&](const char* name, std::int64_t most) {
    const json::value* const value = all->if_contains(name);
    const std::int64_t it = value && value->is_int64() ? value->get_int64() : -1;
    return it < 0 || it > most ? -1 : it;
  };
  constexpr int most_accounts = std::numeric_limits<int>::max();
  transfer what{.key = key && key->is_string() ? std::string(key->get_string()) : "",
                .from = static_cast<int>(number("from", most_accounts)),
                .to = static_cast<int>(number("to", most_accounts)),
                .amount = number("amount", std::numeric_limits<std::int64_t>::max())};
  if (!is_key(what.key) || what.from < 0 || what.to < 0 || what.from == what.to || what.amount <= 0)
    return std::nullopt;
  return what;
}

http::router routes_of(bank& in) {
  http::router routes;
  routes.post("/transfer", http::blocking([&in](const http::request& req, const lastcall::context& ctx) {
                const auto what = transfer_of(req);
                if (!what) return http::problem(400, R"(give {"key":"…","from":1,"to":2,"amount":3})");
                switch (in.move(ctx, *what)) {
                  case bank::outcome::done:
                    return json_answer(json::value{{"key", what->key}});
                  case bank::outcome::balance_too_small:
                    return http::problem(409, "the balance is too small");
                  default:
                    return http::problem(404, "there is no such account");
                }
              }));
  routes.get(
      "/transfer", http::blocking([&in](const http::request& req, const lastcall::context& ctx) {
        const std::string key(req.query("key").value_or(""));
        const auto found = is_key(key) ? in.find(ctx, key) : std::nullopt;
        if (!found) return http::problem(404, "there is no such transfer");
        return json_answer({{"key", found->key}, {"from", found->from}, {"to", found->to}, {"amount", found->amount}});
      }));
  routes.get("/sum", http::blocking([&in](const http::request&, const lastcall::context& ctx) {
               return http::text(std::to_string(in.sum(ctx)) + "\n");
             }));
  routes.get("/sleep", http::blocking([&in](const http::request& req, const lastcall::context& ctx) {
               in.sleep(ctx, std::atoi(req.query("s").value_or("0").c_str()));
               return http::text("slept\n");
             }));
  return routes;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App cli("A bank whose transfers are done wholly or not at all.", "bank");
  std::uint16_t port = 8080;
  std::string grace = "10s", db, report, log = "info";
  std::size_t connections = 8;
  cli.add_option("--port", port, "0 picks a free one [8080]");
  cli.add_option("--grace", grace, "from the signal to the exit [10s]");
  cli.add_option("--db", db, "sqlite:PATH or postgres:CONNINFO")->required();
  cli.add_option("--pool", connections, "connections to the database [8]");
  cli.add_option("--report", report, "a file for the report of the shutdown");
  cli.add_option("--log", log, "debug, info, warning, error or none [info]");
  CLI11_PARSE(cli, argc, argv);

  lastcall::app app{{.grace = lastcall::parse_duration(grace).value(),
                     .report_file = report,
                     .log = lastcall::parse_log_level(log).value_or(lastcall::log_level::info)}};
  const kept_bank kept = open_bank(app, db, connections);
  const auto tables =
      app.add("tables", {.start = [&](const lastcall::context& ctx) { kept.it->prepare(ctx); }}, {kept.on});
  const auto server = app.add<http::server>("http",
                                            {.address = "127.0.0.1",
                                             .port = port,
                                             .routes = routes_of(*kept.it),
                                             .blocking = {.threads = 64},
                                             .own_answers = http::problem_json},
                                            {tables});
  app.add("listening_line",
          {.start =
               [&] {
                 std::printf("listening on http://%s\n", to_text(server->addresses().front()).c_str());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
