#include "lastcall/core/report/app_status.hpp"

#include <algorithm>
#include <cmath>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/json.hpp"

namespace lastcall::inline v0 {
namespace {

void write_ms(json_writer& json, std::string_view name, const std::optional<duration>& time) {
  json.key(name);
  time ? json.value(std::round(to_ms(*time))) : json.null();
}

/// Parts that follow each other under one name are one object.
void write_numbers(json_writer& json, std::string_view component, const metrics& numbers) {
  std::string_view open;
  for (const metrics::shown_number& n : numbers.shown()) {
    if (n.component != component) continue;
    if (!open.empty() && n.name != open) json.end_object();
    if (!n.part.empty() && n.name != open) json.key(n.name).begin_object();
    open = n.part.empty() ? std::string_view() : n.name;
    json.member(n.part.empty() ? n.name : n.part, n.value);
  }
  if (!open.empty()) json.end_object();
}

}  // namespace

std::size_t app_status::running() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(components, [](const component_status& c) {
    return has_started(c.state) && c.state != component_state::stopped;
  }));
}

std::string unready_because(const app_status& s) {
  if (s.ready) return {};
  if (!s.unready.empty()) return s.unready;
  if (s.announced) {
    const duration seen = std::chrono::floor<std::chrono::milliseconds>(*s.announced);
    return std::string(s.phase <= app_phase::announced ? "announced" : to_text(s.phase)) + "; not ready for " +
           lastcall::to_text(seen);
  }
  std::string why = "starting: ";
  for (const component_status& c : s.components) {
    if (c.state != component_state::waiting && c.state != component_state::starting) continue;
    why.append(why.ends_with(' ') ? "" : ", ").append(c.name);
  }
  return why;
}

std::string to_json(const app_status& s, const metrics& numbers) {
  std::string text;
  json_writer json(text);
  json.begin_object()
      .member("schema", 1)
      .member("phase", to_text(s.phase))
      .member("ready", s.ready)
      .member("unready", s.unready);
  json.member("cause", s.cause);
  write_ms(json, "announced_ms", s.announced);
  write_ms(json, "until_force_ms", s.until_force);
  write_ms(json, "left_ms", s.left);
  json.key("components").begin_array();
  for (const component_status& c : s.components) {
    json.begin_object().member("name", c.name).member("state", to_text(c.state));
    write_numbers(json, c.name, numbers);
    json.end_object();
  }
  json.end_array().end_object();
  return text;
}

}  // namespace lastcall::inline v0
