#include "lastcall/cli/probe/probe_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::cli {

namespace {

constexpr auto about = "Loads a server, tells it to stop, and accounts for every request exactly once.";
constexpr auto footer = R"(
Loads (NAME[:COUNT][,key=value...]; several at once; each has path= and expect=STATUS):
  busy:64          keep-alive, next request at once        fresh:64         a connection per request
  fresh,rate=1000  ... at a fixed rate (most=10000)        race:200         keep-alive, pauses (min=50ms,max=200ms)
  inflight:20      long requests over the signal (lead=)   upload:10        bodies over it (bytes=,over=,lead=)
  download:10      bodies over it (bytes=,over=,lead=)     idle:100         then silent (requests=1, deaf=1)
  half-closed:16   ends its side right after the request
Without any --load: busy:64 and fresh:16.

Exit: 0 nothing lost or late, 1 something was, 2 usage, 5 could not measure. More: docs/probe.md
  lastcall probe --load busy:64 --load inflight:20 -- build/release/bin/testbed --port 0
  lastcall probe --pid 4711 --address http://127.0.0.1:8080 --load race
  lastcall probe --load busy:8,path=/orders --header 'Authorization: Bearer …' --header 'Content-Type: application/json'
      --body '{"item":"tea"}' --address http://127.0.0.1:8080 -- ./service)";

duration read_time(const std::string& option, const std::string& text, duration least) {
  const auto time = parse_duration(text);
  if (!time || *time < least || *time > std::chrono::hours(1)) {
    throw std::invalid_argument(option + " '" + text + "': give a time from " + lastcall::to_text(least) +
                                " to 1h, like 250ms or 20s");
  }
  return *time;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < b.size(); ++k) {
      const auto change = diagonal + (a[i] != b[k]);
      diagonal = std::exchange(row[k + 1], std::min({change, row[k] + 1, row[k + 1] + 1}));
    }
  }
  return row.back();
}

[[noreturn]] void refuse_extra(const CLI::App& app, const std::string& extra) {
  if (!extra.starts_with('-')) {
    throw std::invalid_argument("'" + extra + "' is no option; put the server's command behind --");
  }
  const auto name = extra.substr(0, extra.find('='));
  std::string nearest;
  for (const auto* option : app.get_options()) {
    const auto candidate = option->get_name();
    if (nearest.empty() || edit_distance(name, candidate) < edit_distance(name, nearest)) nearest = candidate;
  }
  throw std::invalid_argument("unknown option '" + name + "'; did you mean " + nearest + "?");
}

void read_signals(const std::string& text, testing::probe_options& run) {
  const auto comma = text.find(',');
  const auto number = text.substr(0, comma);
  unsigned count = 0;
  if (!number.empty() && number.size() <= 5 && number.find_first_not_of("0123456789") == number.npos) {
    count = static_cast<unsigned>(std::stoul(number));
  }
  if (count == 0) throw std::invalid_argument("--signals '" + text + "': give COUNT[,SPACING], like 3,50ms");
  run.signals = count;
  if (comma != text.npos) run.spacing = read_time("--signals", text.substr(comma + 1), duration(0));
}

}  // namespace

int parse_signal(const std::string& text) {
  std::string name = text;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* const known = ::sigabbrev_np(number);
    if (known != nullptr && (name == known || name == std::to_string(number))) return number;
  }
  throw std::invalid_argument("--signal '" + text +
                              "': no such signal; give TERM, INT, QUIT, HUP, USR1, … or a number");
}

probe_command_line read_probe_command_line(const std::vector<std::string>& arguments) {
  probe_command_line line;
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (dashes != arguments.end()) line.command.assign(dashes + 1, arguments.end());

  CLI::App app(about, "lastcall probe [OPTIONS] -- COMMAND [ARGUMENTS]\n       lastcall probe --pid N --address URL");
  app.footer(footer);
  app.allow_extras();
  std::vector<std::string> loads;
  std::string after = "1s", timeout = "30s", start = "10s", request = "0", signal = "TERM", signals = "1", pid,
              seed = "1";
  app.add_option("--load", loads, "a group of clients, see below; may be repeated")
      ->type_name("LOAD")
      ->allow_extra_args(false);
  app.add_option("--after", after, "how long the load runs before the signal")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--signal", signal, "what tells the server to stop")->type_name("NAME")->capture_default_str();
  app.add_option("--signals", signals, "how often, and how far apart")->type_name("N[,SPACING]")->capture_default_str();
  app.add_option("--timeout", timeout, "from the signal; what is open then is lost, and our server is killed")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--header", line.run.request.headers, "'Name: value', of each request; may be repeated")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  app.add_option("--method", line.run.request.method, "of each request; without it GET, with --body POST")
      ->type_name("METHOD");
  app.add_option("--body", line.run.request.body, "of each request, but not of an upload's")->type_name("TEXT");
  app.add_option("--request-timeout", request, "a slower request is lost by timeout; 0: none of its own")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--start-timeout", start, "for the server, and for idle connections to stand")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--address", line.address,
                 "http://HOST:PORT or unix:PATH (unix:@NAME); without it, the server's line 'listening on http://…' on "
                 "stdout says it")
      ->type_name("URL");
  app.add_option("--pid", pid, "a server that runs already")->type_name("N");
  app.add_option("--json", line.json, "write the result as JSON to a file; - is stdout")->type_name("FILE");
  app.add_option("--seed", seed, "of the random pauses")->type_name("N")->capture_default_str();
  app.add_option("--server-stderr", line.server_stderr, "the server's stderr goes to this file")->type_name("FILE");
  app.add_flag("--allow-5xx", line.allow_5xx, "a 5xx after the signal is as good as any answer");

  std::vector<std::string> reversed(std::make_reverse_iterator(dashes), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(error.what());
  }
  if (const auto extras = app.remaining(); !extras.empty()) refuse_extra(app, extras.front());

  if (loads.empty()) loads = {"busy:64", "fresh:16"};
  for (const auto& load : loads) line.run.loads.push_back(testing::parse_load(load));
  testing::check(line.run.request);
  line.run.after = read_time("--after", after, duration(0));
  line.run.timeout = read_time("--timeout", timeout, std::chrono::milliseconds(1));
  line.run.request_timeout = read_time("--request-timeout", request, duration(0));
  line.start_timeout = line.run.patience = read_time("--start-timeout", start, std::chrono::milliseconds(1));
  line.signal = parse_signal(signal);
  read_signals(signals, line.run);
  if (seed.empty() || seed.size() > 18 || seed.find_first_not_of("0123456789") != seed.npos) {
    throw std::invalid_argument("--seed '" + seed + "': give a number of up to 18 digits");
  }
  line.run.seed = std::stoull(seed);
  if (!line.address.empty()) testing::parse_server_address(line.address);
  if (!pid.empty()) {
    if (pid.size() > 9 || pid.find_first_not_of("0123456789") != pid.npos || std::stoi(pid) < 2) {
      throw std::invalid_argument("--pid '" + pid + "': give the number of a process");
    }
    line.pid = std::stoi(pid);
  }
  if (line.command.empty() && line.pid == 0) {
    throw std::invalid_argument("no server: give its command behind --, or --pid and --address of one that runs");
  }
  if (!line.command.empty() && line.pid != 0) throw std::invalid_argument("give either --pid or a command, not both");
  if (line.pid != 0 && line.address.empty()) throw std::invalid_argument("--pid needs --address");
  return line;
}

}  // namespace lastcall::inline v0::cli
