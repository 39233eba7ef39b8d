#include "lastcall/testing/internal/read_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>

#include "lastcall/testing/internal/json_value.hpp"

namespace lastcall::inline v0::testing {

using lastcall::to_text;

namespace {

using kind = json_value::kind;

void take(const json_value& from, std::string& to) {
  if (from.is() == kind::text) to = from.text();
}
void take(const json_value& from, double& to) {
  if (from.is() == kind::number) to = from.number();
}
void take(const json_value& from, std::optional<double>& to) {
  if (from.is() == kind::number) to = from.number();
}
void take(const json_value& from, std::uint64_t& to) {
  if (from.is() == kind::number) to = static_cast<std::uint64_t>(from.number());
}
void take(const json_value& from, int& to) {
  if (from.is() == kind::number) to = static_cast<int>(from.number());
}
void take(const json_value& from, bool& to) {
  if (from.is() == kind::boolean) to = from.boolean();
}

/// The value whose text this is.
template <class E> E named(const json_value& from, std::initializer_list<E> all, const char* what) {
  for (const E one : all)
    if (from.is() == kind::text && from.text() == to_text(one)) return one;
  throw std::invalid_argument("report: no " + std::string(what) + " is called \"" +
                              (from.is() == kind::text ? from.text() : "") + "\"");
}

connection_ledger connections_of(const json_value& j) {
  connection_ledger l;
  take(j["accepted"], l.accepted);
  take(j["closed_clean"], l.closed_clean);
  take(j["closed_by_remote"], l.closed_by_remote);
  take(j["reset_by_remote"], l.reset_by_remote);
  take(j["timed_out"], l.timed_out);
  take(j["handed_over"], l.handed_over);
  take(j["forced"], l.forced);
  return l;
}

request_ledger requests_of(const json_value& j) {
  request_ledger l;
  take(j["begun"], l.begun);
  take(j["answered"], l.answered);
  take(j["rejected"], l.rejected);
  take(j["abandoned_by_client"], l.abandoned_by_client);
  take(j["handed_over"], l.handed_over);
  take(j["forced"], l.forced);
  take(j["broken"], l.broken);
  return l;
}

component_report component_of(const json_value& j) {
  component_report c;
  take(j["name"], c.name);
  take(j["drained"], c.drained);
  take(j["forced"], c.forced);
  take(j["stopped"], c.stopped);
  take(j["hung"], c.hung);
  take(j["start_ms"], c.start_ms);
  take(j["drain_began_ms"], c.drain_began_ms);
  take(j["drained_ms"], c.drained_ms);
  take(j["forced_ms"], c.forced_ms);
  take(j["stopped_ms"], c.stopped_ms);
  c.connections = connections_of(j["connections"]);
  c.requests = requests_of(j["requests"]);
  for (const auto& [name, value] : j["fields"].members()) {
    if (value.is() == kind::text) c.add(name, report_value(value.text()));
    if (value.is() == kind::boolean) c.add(name, report_value(value.boolean()));
    if (value.is() != kind::number) continue;
    const double number = value.number();
    const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
    c.add(name, whole ? report_value(static_cast<std::int64_t>(number)) : report_value(number));
  }
  return c;
}

std::chrono::system_clock::time_point utc(const json_value& j) {
  std::tm parts{};
  int ms = 0;
  if (j.is() != kind::text || std::sscanf(j.text().c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &parts.tm_year, &parts.tm_mon,
                                          &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms) != 7)
    return {};
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(::timegm(&parts)) + std::chrono::milliseconds(ms);
}

}  // namespace

report read_report(std::string_view json) {
  const json_value j = json_value::parse(json);
  if (j.is() != kind::object) throw std::invalid_argument("report: it is no object");
  report r;
  take(j["schema"], r.schema);
  if (r.schema != 1)
    throw std::invalid_argument("report: schema " + std::to_string(r.schema) + " is not ours, which is 1");
  r.outcome = named(j["result"], {outcome::graceful, outcome::forced, outcome::hung, outcome::failed}, "result");
  take(j["exit_code"], r.exit_code);
  const json_value& cause = j["cause"];
  std::string how;
  take(cause["kind"], how);
  for (const trigger one : {trigger::signal, trigger::request, trigger::failed_start})
    if (how == to_text(one)) r.trigger = one;  // an unknown one is none
  take(cause["signal"], r.signal);
  take(cause["sender"], r.sender);
  take(cause["why"], r.why);
  r.began = utc(j["began"]);
  take(j["grace_ms"], r.grace_ms);
  take(j["reserve_ms"], r.reserve_ms);
  take(j["readiness_delay_ms"], r.readiness_delay_ms);
  take(j["start_ms"], r.start_ms);
  take(j["readiness_ms"], r.readiness_ms);
  take(j["drain_ms"], r.drain_ms);
  take(j["stop_ms"], r.stop_ms);
  take(j["total_ms"], r.total_ms);
  for (const auto& [name, one] : j["components"].members()) r.components.push_back(component_of(one));
  for (const auto& [name, one] : j["hung"].members()) {
    if (one.is() != kind::text) continue;
    const auto all = r.hung();
    if (std::find(all.begin(), all.end(), one.text()) != all.end()) continue;
    component_report& hangs = r.components.emplace_back();
    hangs.name = one.text();
    hangs.hung = true;
  }
  for (const auto& [name, one] : j["errors"].members())
    if (one.is() == kind::text) r.errors.push_back(one.text());
  take(j["log_lines_dropped"], r.log_lines_dropped);
  return r;
}

}  // namespace lastcall::inline v0::testing
