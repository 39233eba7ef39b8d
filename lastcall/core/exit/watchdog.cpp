#include "lastcall/core/exit/watchdog.hpp"

#include <unistd.h>

#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/json.hpp"
#include "lastcall/core/report/report_file.hpp"

namespace lastcall::inline v0 {
namespace {

/// Without a component it is the app itself that hangs.
std::string hung_line(std::string_view component, std::string_view in) {
  std::string text = "lastcall: deadline passed: ";
  if (component.empty()) {
    text += "the app itself hangs, outside of any component";
  } else {
    text += "component ";
    json_writer(text).value(component);  // also keeps control characters off the terminal
    text.append(" hangs in ").append(in);
  }
  return text.append("; leaving with exit code ").append(std::to_string(exit_codes::hung)).append("\n");
}

}  // namespace

// Position 0 is for a hang outside of components; then the verbs of the first component, in the order of their enum,
// and so on. exit_process() finds the text by this order, without a search that could allocate.
watchdog::watchdog(const driver_position& position, const std::vector<std::string>& components,
                   const std::string& report_file)
    : position_(position), report_file_(report_file), temporary_file_(temporary_name(report_file + ".watch")) {
  lines_.push_back(lines_for(verb::none, {}));
  for (const std::string& component : components)
    for (std::size_t v = 1; v < verb_count; ++v) lines_.push_back(lines_for(static_cast<verb>(v), component));
}

watchdog::lines watchdog::lines_for(verb in, std::string_view component) const {
  lines made{.text = hung_line(component, to_text(in)), .report = {}};
  json_writer json(made.report, json_writer::layout::indented);
  json.begin_object().member("schema", 1).member("result", "hung").member("exit_code", exit_codes::hung);
  json.key("hung").begin_array();
  if (in != verb::none) json.value(component);
  json.end_array();
  json.key("hung_in").value(to_text(in));
  json.key("errors").begin_array().value(std::string_view(made.text).substr(0, made.text.size() - 1)).end_array();
  json.end_object();
  made.report += '\n';
  return made;
}

void watchdog::write_hung(std::string_view in, std::string_view component) noexcept {
  try {
    try_write_stderr(hung_line(component, in.empty() ? "its drain" : in));
  } catch (const std::exception&) {  // out of memory
  }
}

void watchdog::exit_process() const noexcept {
  const driver_position::location at = position_.at();
  std::size_t index = 0;
  if (at.in != verb::none) index = at.component * (verb_count - 1) + static_cast<std::size_t>(at.in);
  const lines& made = lines_[index < lines_.size() ? index : 0];
  const bool kept = report_kept_.load(std::memory_order_relaxed);
  for_the_report_.release();
  const bool writes = !report_file_.empty() && !kept;
  if (writes && write_whole(report_file_.c_str(), temporary_file_.c_str(), made.report))
    try_write_stderr("lastcall: the report could not be written\n");
  try_write_stderr(made.text);
  _exit(exit_codes::hung);
}

}  // namespace lastcall::inline v0
