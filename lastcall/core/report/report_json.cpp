// The report as JSON. docs/report.md describes each field.
#include <array>
#include <charconv>
#include <cmath>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/json.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/utc_text.hpp"

namespace lastcall::inline v0 {
namespace {

template <class Ledger> void write_columns(json_writer& json, const Ledger& ledger) {
  json.begin_object();
  for (const auto& [name, count] : detail::columns<Ledger>) json.member(name, ledger.*count);
  json.end_object();
}

/// To the microsecond, as the shortest decimal fraction: 0.0125 is "0.013". Empty: null.
void write_ms(json_writer& json, std::string_view name, std::optional<double> ms) {
  json.key(name);
  if (!ms) return static_cast<void>(json.null());
  if (!(std::abs(*ms) < 1e12)) return static_cast<void>(json.value(*ms));  // thirty years, or no number at all
  std::array<char, 32> text;
  const double rounded = std::round(*ms * 1000) / 1000 + 0.0;  // not -0
  json.raw({text.data(), std::to_chars(text.data(), text.data() + text.size(), rounded, std::chars_format::fixed).ptr});
}

void write_texts(json_writer& json, const std::vector<std::string>& texts) {
  json.begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

/// Most components have neither connections nor requests, and say so in one word.
template <class Ledger> void write_ledger(json_writer& json, const Ledger& ledger) {
  ledger == Ledger{} ? static_cast<void>(json.null()) : write_columns(json, ledger);
}

void write_work(json_writer& json, const std::vector<work_item>& all) {
  json.begin_array();
  for (const work_item& w : all) {
    json.begin_object().member("label", w.label).member("remote", w.remote);
    write_ms(json, "age_ms", to_ms(w.age));
    json.member("waits_for", w.waits_for);
    json.end_object();
  }
  json.end_array();
}

void write_component(json_writer& json, const component_report& c) {
  json.begin_object_on_one_line().member("name", c.name);
  json.member("drained", c.drained).member("forced", c.forced);
  json.member("stopped", c.stopped).member("hung", c.hung);
  write_ms(json, "start_ms", c.start_ms);
  write_ms(json, "drain_began_ms", c.drain_began_ms);
  write_ms(json, "drained_ms", c.drained_ms);
  write_ms(json, "forced_ms", c.forced_ms);
  write_ms(json, "stopped_ms", c.stopped_ms);
  if (c.hung) {
    json.member("hung_in", c.hung_in);
    write_texts(json.key("stack"), c.stack);
  }
  if (c.hung || c.forced) write_work(json.key("in_progress"), c.in_progress);
  write_ledger(json.key("connections"), c.connections);
  write_ledger(json.key("requests"), c.requests);
  json.key("fields").begin_object();
  for (const auto& [key, value] : c.fields) {
    json.key(key);
    std::visit([&](const auto& v) { json.value(v); }, value);
  }
  json.end_object().end_object();
}

}  // namespace

std::string to_json(const report& r) {
  std::string text;
  text.reserve(2048 + 256 * r.components.size());
  json_writer json(text, json_writer::layout::indented);
  json.begin_object().member("schema", r.schema);
  json.member("result", to_text(r.outcome)).member("exit_code", r.exit_code);
  json.key("cause").begin_object().member("kind", to_text(r.cause.kind));
  json.member("signal", r.cause.signal).member("sender", r.cause.sender).member("text", r.cause.text).end_object();
  json.member("began", detail::utc_text(r.began));
  write_ms(json, "grace_ms", r.grace_ms);
  write_ms(json, "reserve_ms", r.reserve_ms);
  write_ms(json, "readiness_delay_ms", r.readiness_delay_ms);
  write_ms(json, "start_ms", r.start_ms);
  write_ms(json, "readiness_ms", r.readiness_ms);
  write_ms(json, "drain_ms", r.drain_ms);
  write_ms(json, "stop_ms", r.stop_ms);
  write_ms(json, "total_ms", r.total_ms);
  write_ms(json, "not_running_ms", r.not_running_ms);
  write_columns(json.key("connections"), r.connections());
  write_columns(json.key("requests"), r.requests());
  json.key("components").begin_array();
  for (const component_report& c : r.components) write_component(json, c);
  json.end_array();
  write_texts(json.key("hung"), r.hung());
  write_texts(json.key("critical_path"), r.critical_path);
  write_texts(json.key("errors"), r.errors);
  json.key("kernel");
  if (r.kernel) {
    json.begin_object().member("reset_on_close", r.kernel->reset_on_close);
    json.member("reset_on_data", r.kernel->reset_on_data).member("not_accepted", r.kernel->not_accepted);
    json.member("ours_alone", r.kernel->ours_alone).end_object();
  } else {
    json.null();
  }
  json.member("log_lines_dropped", r.log_lines_dropped);
  json.end_object();
  text += '\n';
  return text;
}

}  // namespace lastcall::inline v0
