#include "lastcall/testing/internal/read_report.hpp"

#include <algorithm>
#include <ctime>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "lastcall/testing/internal/parse_json.hpp"

namespace lastcall::inline v0::testing {

using lastcall::to_text;

namespace {

/// The member with this name; null if there is none.
const json::value& member(const json::value& of, const char* name) {
  static const json::value none;
  const json::object* const members = of.if_object();
  const json::value* const found = members ? members->if_contains(name) : nullptr;
  return found ? *found : none;
}

/// The elements of an array; none for all else.
const json::array& elements(const json::value& of) {
  static const json::array none;
  const json::array* const all = of.if_array();
  return all ? *all : none;
}

/// A value of another type leaves `to` as it is.
void take(const json::value& from, std::string& to) {
  if (const json::string* const text = from.if_string()) to = *text;
}
void take(const json::value& from, bool& to) {
  if (const bool* const known = from.if_bool()) to = *known;
}
template <class N>
  requires std::is_arithmetic_v<N>
void take(const json::value& from, N& to) {
  boost::system::error_code wrong;
  const N number = from.to_number<N>(wrong);
  if (!wrong) to = number;
}
void take(const json::value& from, std::optional<double>& to) {
  if (from.is_number()) take(from, to.emplace());
}

/// The value whose text this is.
template <class E> E named(const json::value& from, std::initializer_list<E> all, const char* what) {
  std::string text;
  take(from, text);
  for (const E one : all)
    if (text == to_text(one)) return one;
  throw std::invalid_argument("report: no " + std::string(what) + " is called \"" + text + "\"");
}

template <class Ledger> Ledger ledger_of(const json::value& j) {
  Ledger l;
  for (const auto& [name, count] : detail::columns<Ledger>) take(member(j, name), l.*count);
  return l;
}

component_report component_of(const json::value& j) {
  component_report c;
  take(member(j, "name"), c.name);
  take(member(j, "drained"), c.drained);
  take(member(j, "forced"), c.forced);
  take(member(j, "stopped"), c.stopped);
  take(member(j, "hung"), c.hung);
  take(member(j, "start_ms"), c.start_ms);
  take(member(j, "drain_began_ms"), c.drain_began_ms);
  take(member(j, "drained_ms"), c.drained_ms);
  take(member(j, "forced_ms"), c.forced_ms);
  take(member(j, "stopped_ms"), c.stopped_ms);
  c.connections = ledger_of<connection_ledger>(member(j, "connections"));
  c.requests = ledger_of<request_ledger>(member(j, "requests"));
  if (const json::object* const fields = member(j, "fields").if_object())
    for (const auto& [name, value] : *fields) {
      if (value.is_string()) c.add(name, report_value(std::string(value.get_string())));
      if (value.is_bool()) c.add(name, report_value(value.get_bool()));
      if (value.is_int64()) c.add(name, value.get_int64());
      if (value.is_double()) c.add(name, report_value(value.get_double()));
    }
  return c;
}

std::chrono::system_clock::time_point utc(const json::value& j) {
  std::string text;
  take(j, text);
  std::tm parts{};
  int ms = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                  &parts.tm_min, &parts.tm_sec, &ms) != 7)
    return {};
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(::timegm(&parts)) + std::chrono::milliseconds(ms);
}

}  // namespace

report read_report(std::string_view text) {
  const json::value j = parse_json(text);
  if (!j.is_object()) throw std::invalid_argument("report: it is no object");
  report r;
  take(member(j, "schema"), r.schema);
  if (r.schema != 1)
    throw std::invalid_argument("report: schema " + std::to_string(r.schema) + " is not ours, which is 1");
  r.outcome =
      named(member(j, "result"), {outcome::graceful, outcome::forced, outcome::hung, outcome::failed}, "result");
  take(member(j, "exit_code"), r.exit_code);
  const json::value& cause = member(j, "cause");
  std::string how;
  take(member(cause, "kind"), how);
  for (const cause_kind one :
       {cause_kind::signal, cause_kind::request, cause_kind::failed_start, cause_kind::failed_component})
    if (how == to_text(one)) r.cause.kind = one;  // an unknown one is none
  take(member(cause, "signal"), r.cause.signal);
  take(member(cause, "sender"), r.cause.sender);
  take(member(cause, "text"), r.cause.text);
  r.began = utc(member(j, "began"));
  take(member(j, "grace_ms"), r.grace_ms);
  take(member(j, "reserve_ms"), r.reserve_ms);
  take(member(j, "readiness_delay_ms"), r.readiness_delay_ms);
  take(member(j, "start_ms"), r.start_ms);
  take(member(j, "readiness_ms"), r.readiness_ms);
  take(member(j, "drain_ms"), r.drain_ms);
  take(member(j, "stop_ms"), r.stop_ms);
  take(member(j, "total_ms"), r.total_ms);
  take(member(j, "not_running_ms"), r.not_running_ms);
  for (const json::value& one : elements(member(j, "components"))) r.components.push_back(component_of(one));
  for (const json::value& one : elements(member(j, "hung"))) {
    std::string name;
    take(one, name);
    const auto all = r.hung();
    if (name.empty() || std::find(all.begin(), all.end(), name) != all.end()) continue;
    component_report& hangs = r.components.emplace_back();
    hangs.name = name;
    hangs.hung = true;
  }
  for (const json::value& one : elements(member(j, "errors"))) take(one, r.errors.emplace_back());
  take(member(j, "log_lines_dropped"), r.log_lines_dropped);
  return r;
}

}  // namespace lastcall::inline v0::testing
