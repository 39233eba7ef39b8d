#include "lastcall/core/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "lastcall/core/utf8.hpp"

namespace lastcall::inline v0 {
namespace {

bool letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_label_name(std::string_view text) noexcept {
  return !text.empty() && letter(text.front()) && !text.starts_with("__") &&
         std::ranges::all_of(text, [](char c) { return letter(c) || digit(c); });
}

bool is_metric_name(std::string_view text) noexcept {
  return !text.empty() && !digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return letter(c) || digit(c) || c == ':'; });
}

[[noreturn]] void refuse(std::string_view name, const char* why) {
  throw std::invalid_argument("metrics: \"" + std::string(name) + "\" " + why);
}

// A value escapes its quotes too, a help text does not. Bytes that are not UTF-8 become U+FFFD.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  while (!text.empty()) {
    const std::size_t length = detail::utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (text.front() == '\n') {
      out += "\\n";
    } else if (text.front() == '\\' || (quoted && text.front() == '"')) {
      out.append("\\").append(text.substr(0, 1));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "" : ",";
  out.append(name).append("=\"");
  append_escaped(out, value, true);
  out += '"';
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace

void metrics::of_component(std::string_view name) { component_ = name; }

metrics::family& metrics::family_of(std::string_view name, std::string_view help, std::string_view type) {
  const auto known = std::ranges::find(families_, name, &family::name);
  if (known != families_.end()) {
    if (known->type != type) refuse(name, "has another type already");
    return *known;
  }
  if (!is_metric_name(name)) refuse(name, "is no metric name; use letters, digits, _ and :");
  return families_.emplace_back(family{std::string(name), std::string(help), type});
}

void metrics::add_sample(family& in, std::string_view suffix, labels with, std::string_view value,
                         std::string_view bound) const {
  std::string& out = in.samples;
  out.append(in.name).append(suffix).append("{");
  if (!component_.empty()) append_label(out, "component", component_);
  for (const metric_label& each : with) {
    if (!is_label_name(each.name)) refuse(each.name, "is no label name; use letters, digits and _");
    append_label(out, each.name, each.value);
  }
  if (!bound.empty()) append_label(out, "le", bound);
  out.back() == '{' ? out.pop_back() : out.push_back('}');
  out.append(" ").append(value).append("\n");
}

metrics& metrics::counter(std::string_view name, std::string_view help, std::uint64_t value, labels with) {
  counted_ += value;
  add_sample(family_of(name, help, "counter"), {}, with, std::to_string(value));
  return *this;
}

metrics& metrics::gauge(std::string_view name, std::string_view help, double value, labels with) {
  add_sample(family_of(name, help, "gauge"), {}, with, number(value));
  return *this;
}

metrics& metrics::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                            std::span<const std::uint64_t> counts, double sum, labels with) {
  if (counts.size() != bounds.size() + 1) refuse(name, "needs one count more than bounds");
  family& in = family_of(name, help, "histogram");
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    add_sample(in, "_bucket", with, std::to_string(so_far), i < bounds.size() ? number(bounds[i]) : "+Inf");
  }
  add_sample(in, "_sum", with, number(sum));
  add_sample(in, "_count", with, std::to_string(so_far));
  return *this;
}

metrics& metrics::show(std::string_view name, std::uint64_t value, std::string_view part) {
  shown_.push_back({component_, std::string(name), std::string(part), value});
  return *this;
}

std::string metrics::text() const {
  std::string out;
  for (const family& each : families_) {
    out.append("# HELP ").append(each.name).append(" ");
    append_escaped(out, each.help, false);
    out.append("\n# TYPE ").append(each.name).append(" ").append(each.type).append("\n").append(each.samples);
  }
  return out;
}

}  // namespace lastcall::inline v0
