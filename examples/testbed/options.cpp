#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "lastcall/app.hpp"

namespace testbed {

namespace {

void add_duration(CLI::App& cli, const std::string& name, lastcall::duration& into, const std::string& help) {
  cli.add_option_function<std::string>(
      name,
      [&into, name](const std::string& text) {
        const auto parsed = lastcall::parse_duration(text);
        if (!parsed) throw CLI::ValidationError(name, "\"" + text + "\" is no duration; write 250ms, 20s or 2m");
        into = *parsed;
      },
      help);
}

/// How many letters to change, add or drop to get from one word to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

[[noreturn]] void refuse_unknown(const CLI::App& cli, const std::string& unknown) {
  std::string nearest = "--help";
  for (const CLI::Option* each : cli.get_options())
    if (distance(unknown, each->get_name()) < distance(unknown, nearest)) nearest = each->get_name();
  std::fprintf(stderr, "testbed: unknown option %s; did you mean %s? (--help lists them all)\n", unknown.c_str(),
               nearest.c_str());
  std::exit(2);
}

}  // namespace

options read(int argc, char** argv) {
  options o;
  o.http.address = "127.0.0.1";
  CLI::App cli("The example server that every check of Lastcall drives.", "testbed");
  cli.allow_extras();
  cli.add_option("--address", o.http.address, "where to listen [127.0.0.1]");
  cli.add_option("--port", o.http.port, "0 picks a free one [8080]");
  cli.add_option("--unix", o.http.unix_path, "listen on this Unix-domain path, too");
  cli.add_option("--threads", o.threads, "0: one for each processor [0]");
  cli.add_flag("--listener-per-thread", o.http.listener_per_thread, "one SO_REUSEPORT listener for each thread");
  cli.add_flag("--overlap", o.http.listen.overlap, "share the listening sockets with the next testbed");
  cli.add_flag("--successor", o.http.listen.successor, "join others on the port by SO_REUSEPORT, for comparison");
  cli.add_flag("--extend-stop", o.app.extend_stop, "ask systemd for more time while the drain finishes something");
  std::optional<std::string> activated;
  cli.add_option("--activated", activated, "serve on systemd's socket of this name, in place of --address and --port");
  cli.add_option("--inherited-fd", o.http.listen.inherited_fd, "serve on this listening socket [-1: none]");
  cli.add_option("--max-connections", o.http.limits.max_connections, "0: as the descriptor limit allows [0]");
  cli.add_option("--max-body", o.http.limits.body_bytes, "bytes of a request body [64 MiB]")
      ->default_val(64 * 1024 * 1024);
  cli.add_flag("--h2c", o.http.h2c, "HTTP/2 in cleartext, for clients that begin with its preface");
  cli.add_option("--max-streams", o.http.limits.max_streams, "of one HTTP/2 connection at once [100]");
  cli.add_option("--pool-threads", o.http.blocking.threads, "for handlers that block [32]");
  cli.add_option("--pool-queue", o.http.blocking.queue, "requests that wait for one of them [256]");
  cli.add_option("--upload-dir", o.upload_dir, "where /upload?name=X leaves files [nowhere]");

  std::optional<std::uint16_t> tls_port;
  lastcall::net::tls_certificate certificate;
  cli.add_option("--tls-port", tls_port, "serve TLS here, too; 0 picks a free one");
  cli.add_option("--cert", certificate.chain_file, "the certificate for it (PEM), and those up to the root");
  cli.add_option("--key", certificate.key_file, "its key (PEM)");
  std::vector<std::string> proxies;
  cli.add_option("--proxy-from", proxies, "networks whose connections begin with a PROXY header");

  cli.add_option("--admin-port", o.admin_port, "health, metrics, status and preStop; 0 picks a free one");
  cli.add_option("--tcp-port", o.tcp_port, "raw TCP line echo; 0 picks a free one");
  cli.add_flag("--tcp-blocking", o.tcp_blocking, "its sessions have a thread each");

  lastcall::duration reserve{-1};
  add_duration(cli, "--grace", o.app.grace, "from the signal to the exit [20s]");
  add_duration(cli, "--reserve", reserve, "its last part, kept for force and stops");
  add_duration(cli, "--readiness-delay", o.app.readiness_delay, "how long to serve on after the announcement [0s]");
  add_duration(cli, "--silence", o.http.idle_drain_after, "how long an idle connection must have been quiet [1s]");
  add_duration(cli, "--jitter", o.http.jitter, "the window over which long-lived remotes are told [1s]");
  add_duration(cli, "--linger-time", o.http.linger, "the longest time from our FIN to the close [2s]");
  add_duration(cli, "--handshake-time", o.http.tls.handshake_time, "for TLS to stand [10s]");
  add_duration(cli, "--head-time", o.http.limits.head_time, "for a request's head [10s]");
  add_duration(cli, "--body-time", o.http.limits.body_time, "for a request's body [60s]");
  add_duration(cli, "--write-time", o.http.limits.write_time, "for a client to take a byte of its response [30s]");
  add_duration(cli, "--idle-time", o.http.limits.idle_close_after, "between two requests [75s]");
  add_duration(cli, "--start-delay", o.start_delay, "makes the start take so long [0s]");
  cli.add_option_function<std::string>(
         "--sighup",
         [&o](const std::string& is) {
           using enum lastcall::hangup;
           o.app.sighup = is == "end" ? end : is == "reload" ? reload : ignore;
         },
         "what SIGHUP is: end, reload (the certificates) or ignore [end]")
      ->check(CLI::IsMember({"end", "reload", "ignore"}));
  cli.add_option("--report", o.app.report_file, "leave the report here, as JSON");
  cli.add_option_function<std::string>(
      "--log",
      [&o](const std::string& text) {
        const auto level = lastcall::parse_log_level(text);
        if (!level) throw CLI::ValidationError("--log", "\"" + text + "\" is not debug, info, warning, error or none");
        o.app.log = *level;
      },
      "debug, info, warning, error or none [info]");

  // For comparison: what each mechanism is worth.
  const auto choice = [&cli](const std::string& name, std::string& into, const std::vector<std::string>& of) {
    cli.add_option(name, into, "for comparison")->check(CLI::IsMember(of));
  };
  std::string stop = "graceful", listener_close = "lossless", idle_close = "silence", linger = "on";
  choice("--stop", stop, {"graceful", "close"});
  choice("--listener-close", listener_close, {"lossless", "accept", "plain"});
  choice("--idle-close", idle_close, {"silence", "now"});
  choice("--linger", linger, {"on", "off"});

  try {
    cli.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(cli.help().c_str(), stdout);
    std::exit(0);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "testbed: %s (--help lists the options)\n", error.what());
    std::exit(2);
  }
  if (const auto extras = cli.remaining(); !extras.empty()) refuse_unknown(cli, extras.front());

  // The environment beats the code; the command line beats both.
  for (const auto& [option, variable] : {std::pair{"--grace", "LASTCALL_GRACE"},
                                         {"--reserve", "LASTCALL_RESERVE"},
                                         {"--readiness-delay", "LASTCALL_READINESS_DELAY"},
                                         {"--report", "LASTCALL_REPORT"},
                                         {"--log", "LASTCALL_LOG"}})
    if (cli.count(option) > 0) ::unsetenv(variable);

  if (reserve >= lastcall::duration::zero()) o.app.reserve = reserve;
  if (tls_port) o.http.tls_port = *tls_port;
  if (!certificate.chain_file.empty() || !certificate.key_file.empty())
    o.http.tls.certificates.push_back(std::move(certificate));
  for (const auto& each : proxies) o.http.proxies.add(each);
  if (activated) o.http.listen = lastcall::net::activated(*activated, o.http.listen);
  o.close_at_once = stop == "close";
  if (listener_close == "accept") o.http.listener_close = lastcall::net::closing_way::accept_until_empty;
  if (listener_close == "plain") o.http.listener_close = lastcall::net::closing_way::plain;
  if (idle_close == "now") o.http.idle_drain_after = {};
  if (linger == "off") o.http.linger = {};
  return o;
}

}  // namespace testbed
