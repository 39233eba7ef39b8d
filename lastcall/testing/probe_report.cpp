#include "lastcall/testing/probe_report.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <vector>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/json.hpp"

namespace lastcall::inline v0::testing {

namespace {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  std::array<char, 512> line;
  std::va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  va_end(arguments);
  return std::string(line.data(), std::min<std::size_t>(static_cast<std::size_t>(std::max(size, 0)), line.size() - 1));
}

std::string ms_text(duration d) { return text(to_ms(d) < 10 ? "%.2f" : to_ms(d) < 100 ? "%.1f" : "%.0f", to_ms(d)); }

std::uint64_t sum(const probe_result& r, std::uint64_t load_result::* field) {
  std::uint64_t all = 0;
  for (const auto& load : r.loads) all += load.*field;
  return all;
}

std::optional<duration> last_response_to_exit(const probe_result& r) {
  if (!r.exit || !r.last_response) return std::nullopt;
  return *r.exit - *r.last_response;
}

/// Columns as wide as their widest cell; the first is left-aligned.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string all;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      all += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    all += '\n';
  }
  return all;
}

std::string load_name(const load_result& load) {
  std::string name(to_text(load.options.kind));
  if (load.options.rate > 0) return name + text(" %.6g/s", load.options.rate);
  return name + ":" + std::to_string(load.options.count);
}

/// "3 (2 reset, 1 eof)"
std::string lost_text(const request_counts& count) {
  std::string kinds;
  for (std::size_t i = 0; i < verdicts; ++i) {
    const auto v = static_cast<verdict>(i);
    if (!is_lost(v) || count.count(v) == 0) continue;
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(count.count(v)) + " " + std::string(to_text(v));
  }
  return std::to_string(count.lost()) + (kinds.empty() ? "" : " (" + kinds + ")");
}

void write_ms(json_writer& json, std::string_view name, std::optional<duration> value) {
  json.key(name);
  value ? json.value(to_ms(*value)) : json.null();
}

void write_latencies(json_writer& json, std::string_view name, const latencies& all) {
  json.key(name).begin_object().member("count", all.count());
  const auto at = [&](double share) { return all.count() > 0 ? std::optional(all.percentile(share)) : std::nullopt; };
  write_ms(json, "p50", at(0.5));
  write_ms(json, "p90", at(0.9));
  write_ms(json, "p99", at(0.99));
  write_ms(json, "max", at(1));
  json.end_object();
}

void write_count(json_writer& json, const request_counts& count) {
  json.member("attempted", count.begun()).member("sent", count.sent_requests()).member("lost", count.lost());
  for (std::size_t i = 0; i < verdicts; ++i) {
    const auto v = static_cast<verdict>(i);
    json.member(is_lost(v) ? "lost_" + std::string(to_text(v)) : std::string(to_text(v)), count.count(v));
  }
}

void write_load(json_writer& json, const load_result& load) {
  const auto& o = load.options;
  json.begin_object().member("load", to_text(o.kind)).member("count", o.count).member("path", o.path);
  if (o.rate > 0) json.member("rate", o.rate);
  write_count(json, load.count);
  json.key("status").begin_object();
  for (std::size_t i = 1; i < load.status_class.size(); ++i) {
    json.member(std::to_string(i) + "xx", load.status_class[i]);
  }
  json.end_object();
  json.member("unexpected", load.unexpected).member("server_errors_after", load.server_errors_after);
  json.member("in_flight_at_signal", load.in_flight).member("answered_before_signal", load.answered_before);
  json.member("skipped", load.skipped).member("connections", load.connections);
  json.key("quiet_ends").begin_object().member("fin", load.ends.fin).member("rst", load.ends.rst);
  json.member("open", load.ends.open).end_object();
  write_latencies(json, "latency_ms", load.answered);
  write_latencies(json, "refusal_ms", load.refused);
  json.key("first_fault");
  load.first_fault.empty() ? json.null() : json.value(load.first_fault);
  json.end_object();
}

}  // namespace

int exit_code(const probe_report& report) {
  const auto& r = report.result;
  const auto all = r.total();
  if (!r.fault.empty() || all.count(verdict::own_limit) > 0) return probe_codes::unmeasured;
  const bool failed = all.lost() > 0 || all.count(verdict::late) > 0 || all.count(verdict::refused_before) > 0 ||
                      all.count(verdict::connect_failed) > 0 || sum(r, &load_result::unexpected) > 0 ||
                      (!report.allow_5xx && sum(r, &load_result::server_errors_after) > 0) || r.killed || r.timed_out;
  if (failed) return probe_codes::lost;
  const bool silent = std::all_of(r.loads.begin(), r.loads.end(), [](const load_result& load) {
    return load.options.kind == load_kind::idle && load.options.requests == 0 && load.connections > 0;
  });
  return all.count(verdict::answered) == 0 && !silent ? probe_codes::unmeasured : probe_codes::nothing_lost;
}

std::string verdict_line(const probe_report& report) {
  const auto& r = report.result;
  const auto all = r.total();
  if (!r.fault.empty()) return "could not measure: " + r.fault;
  if (all.count(verdict::own_limit) > 0) {
    return "could not measure: this machine ran out of ports or descriptors " +
           std::to_string(all.count(verdict::own_limit)) + " times (see ulimit -Hn and net.ipv4.ip_local_port_range)";
  }
  if (exit_code(report) == probe_codes::unmeasured) return "could not measure: no request was answered";
  std::string faults;
  const auto add = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) faults += (faults.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(all.lost(), "lost");
  add(all.count(verdict::late), "late");
  add(all.count(verdict::refused_before), "refused before the signal");
  add(all.count(verdict::connect_failed), "could not connect");
  add(sum(r, &load_result::unexpected), "answered with an unexpected status");
  if (!report.allow_5xx) add(sum(r, &load_result::server_errors_after), "answered with 5xx after the signal");
  if (r.timed_out) {
    faults += std::string(faults.empty() ? "" : ", ") +
              (r.killed ? "killed, since it did not end in time" : "not over in time");
  }
  return faults.empty() ? "nothing lost" : faults;
}

std::string to_table(const probe_report& report) {
  const auto& r = report.result;
  std::vector<std::vector<std::string>> rows{{"load", "attempted", "answered", "2xx", "4xx", "5xx", "lost", "late",
                                              "refused before", "after", "p50 ms", "p99 ms", "max ms"}};
  for (const auto& load : r.loads) {
    const auto n = [&](verdict v) { return std::to_string(load.count.count(v)); };
    const auto at = [&](double share) {
      return load.answered.count() > 0 ? ms_text(load.answered.percentile(share)) : "-";
    };
    rows.push_back({load_name(load), std::to_string(load.count.begun()), n(verdict::answered),
                    std::to_string(load.status_class[2]), std::to_string(load.status_class[4]),
                    std::to_string(load.status_class[5]), lost_text(load.count), n(verdict::late),
                    n(verdict::refused_before), n(verdict::refused_after), at(0.5), at(0.99), at(1)});
  }
  std::string all = aligned(rows) + "\n";
  for (const auto& load : r.loads) {
    const auto name = load_name(load);
    if (load.in_flight > 0 && load.options.lead > duration(0)) {
      all += text("%s: %llu in flight at the signal\n", name.c_str(), static_cast<unsigned long long>(load.in_flight));
    }
    if (load.options.kind == load_kind::idle) {
      all += text("%s: %llu ended by FIN, %llu by RST, %llu stayed open\n", name.c_str(),
                  static_cast<unsigned long long>(load.ends.fin), static_cast<unsigned long long>(load.ends.rst),
                  static_cast<unsigned long long>(load.ends.open));
    }
    if (load.skipped > 0) {
      all += text("%s: %llu skipped, since too many were in flight\n", name.c_str(),
                  static_cast<unsigned long long>(load.skipped));
    }
    if (load.count.count(verdict::connect_failed) > 0) {
      all += text("%s: %llu could not connect\n", name.c_str(),
                  static_cast<unsigned long long>(load.count.count(verdict::connect_failed)));
    }
    if (!load.first_fault.empty()) all += name + ": first fault: " + load.first_fault + "\n";
  }
  latencies refusals;
  for (const auto& load : r.loads) refusals += load.refused;
  if (r.exit) all += "signal to exit            " + ms_text(*r.exit) + " ms\n";
  if (const auto d = last_response_to_exit(r)) all += "last response to exit     " + ms_text(*d) + " ms\n";
  if (r.first_refusal) all += "signal to first refusal   " + ms_text(*r.first_refusal) + " ms\n";
  if (refusals.count() > 0) {
    all += "a refusal took            " + ms_text(refusals.percentile(0.99)) + " ms (p99), " + ms_text(refusals.max()) +
           " ms at most\n";
  }
  all += "the server ended with     ";
  all += report.server_exit ? to_text(*report.server_exit)
         : r.gone           ? "unknown (not our child)"
                            : "nothing: it still runs";
  return all + (r.killed ? " - killed by us after the timeout\n" : "\n");
}

std::string to_json(const probe_report& report) {
  const auto& r = report.result;
  std::string out;
  json_writer json(out, json_writer::layout::indented);
  json.begin_object()
      .member("schema", 1)
      .member("verdict", verdict_line(report))
      .member("exit_code", exit_code(report));
  json.member("server", report.server).member("signal", report.signal).member("signals", report.signals);
  json.member("seed", report.seed).member("killed", r.killed).member("timed_out", r.timed_out);
  json.key("server_exit");
  if (report.server_exit) {
    json.begin_object().key("code");
    report.server_exit->signal == 0 ? json.value(report.server_exit->code) : json.null();
    json.key("signal");
    report.server_exit->signal != 0 ? json.value(report.server_exit->signal) : json.null();
    json.end_object();
  } else {
    json.null();
  }
  write_ms(json, "loaded_ms", r.loaded);
  write_ms(json, "signal_to_exit_ms", r.exit);
  write_ms(json, "signal_to_last_response_ms", r.last_response);
  write_ms(json, "last_response_to_exit_ms", last_response_to_exit(r));
  write_ms(json, "signal_to_first_refusal_ms", r.first_refusal);
  latencies answered, refused;
  for (const auto& load : r.loads) {
    answered += load.answered;
    refused += load.refused;
  }
  json.key("total").begin_object();
  write_count(json, r.total());
  json.member("unexpected", sum(r, &load_result::unexpected));
  json.member("server_errors_after", sum(r, &load_result::server_errors_after));
  write_latencies(json, "latency_ms", answered);
  write_latencies(json, "refusal_ms", refused);
  json.end_object();
  json.key("loads").begin_array();
  for (const auto& load : r.loads) write_load(json, load);
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace lastcall::inline v0::testing
