// The report as a few lines of text, for the log.
#include <cmath>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0 {
namespace {

std::string span_text(double ms) {  // to a tenth of a millisecond: more is noise to people
  return to_text(duration(std::chrono::microseconds(std::llround(ms * 10) * 100)));
}

template <class Ledger> void append_ledger(std::string& text, const char* name, const Ledger& ledger) {
  if (ledger.*detail::columns<Ledger>[0].count == 0) return;
  text.append("  ").append(name).append(":");
  for (const auto& [column, count] : detail::columns<Ledger>)
    if (ledger.*count != 0) text.append(" ").append(column).append("=").append(std::to_string(ledger.*count));
  text += '\n';
}

std::string cause_text(const report& r) {
  switch (r.cause.kind) {
    case cause_kind::signal:
      return r.cause.signal + (r.cause.sender.empty() ? "" : " from " + r.cause.sender);
    case cause_kind::request:
      return r.cause.text.empty() ? "requested" : "requested: " + r.cause.text;
    case cause_kind::failed_start:
    case cause_kind::failed_component:
      return std::string(to_text(r.cause.kind));  // its text has a line of the log already, from when it failed
    case cause_kind::none:
      break;
  }
  return "not asked to end";
}

/// Of one that was cut or hangs. The stack comes first, since it shows what is to be mended.
void append_end(std::string& text, const component_report& c) {
  if (c.hung) {
    text.append("  hung: ").append(c.name);
    text.append(c.hung_in.empty() ? ", which never said that it had drained" : " in " + c.hung_in).append("\n");
  } else if (c.forced && c.cut()) {
    text.append("  forced: ").append(c.name).append("\n");
  }
  for (const std::string& line : c.stack) {
    const bool thread = line.ends_with(':');
    text.append(thread ? "  " + c.name + ", " : "    ").append(line).append("\n");
  }
  for (const work_item& w : c.in_progress)
    text.append("  ").append(c.name).append(" was at work on: ").append(to_text(w)).append("\n");
}

}  // namespace

std::string to_text(const report& r) {
  std::string text = cause_text(r) + "; " + std::string(to_text(r.outcome)) + " after " + span_text(r.total_ms) +
                     " of " + span_text(r.grace_ms) + "; exit " + std::to_string(r.exit_code) + "\n";
  append_ledger(text, "connections", r.connections());
  append_ledger(text, "requests", r.requests());
  if (r.cause.kind == cause_kind::failed_start) {
    std::string unwound;
    for (const component_report& c : r.components)
      if (c.start_ms) unwound.append(unwound.empty() ? "" : ", ").append(c.name);
    text.append("  had started, and was ended again: ").append(unwound.empty() ? "nothing" : unwound).append("\n");
  }
  for (const component_report& c : r.components)
    if (c.hung) append_end(text, c);
  for (const component_report& c : r.components)
    if (!c.hung) append_end(text, c);
  if (const std::uint64_t resets = r.unexplained_resets(); resets > 0 && r.kernel->ours_alone) {
    text.append("  the kernel reset ").append(std::to_string(resets));
    text.append(" connections with data in them that no ledger explains\n");
  }
  if (r.not_running_ms > 0)
    text.append("  the process did not run for ").append(span_text(r.not_running_ms)).append("\n");
  for (const std::string& error : r.errors) text.append("  error: ").append(error).append("\n");
  return text;
}

}  // namespace lastcall::inline v0
