#include "lastcall/core/exit/watchdog.hpp"

#include <unistd.h>

#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/json.hpp"
#include "lastcall/core/report/exit_code.hpp"
#include "lastcall/core/report/report_file.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr verb verbs[] = {verb::start, verb::announce, verb::drain,  verb::force,
                          verb::stop,  verb::account,  verb::destroy};

}  // namespace

watchdog::watchdog(const driver_position& where, const std::vector<std::string>& components,
                   const std::string& report_file)
    : where_(where), report_file_(report_file), temporary_file_(temporary_name(report_file + ".watch")) {
  words_.push_back(words_for(verb::none, {}));
  for (const std::string& component : components) {
    for (const verb v : verbs) words_.push_back(words_for(v, component));
  }
}

watchdog::lines watchdog::words_for(verb in, std::string_view component) const {
  lines words;
  std::string quoted;
  json_writer(quoted).value(component);  // also keeps control characters off the terminal
  words.text = "lastcall: deadline passed: ";
  if (in == verb::none) {
    words.text += "the app itself hangs, outside of any component";
  } else {
    words.text.append("component ").append(quoted).append(" hangs in ").append(to_text(in));
  }
  words.text.append("; leaving with exit code ").append(std::to_string(exit_codes::hung)).append("\n");

  json_writer json(words.report, json_writer::layout::indented);
  json.begin_object().member("schema", 1).member("result", "hung").member("exit_code", exit_codes::hung);
  json.key("hung").begin_array();
  if (in != verb::none) json.value(component);
  json.end_array();
  json.key("hung_in").value(to_text(in));
  json.key("errors").begin_array().value(std::string_view(words.text).substr(0, words.text.size() - 1)).end_array();
  json.end_object();
  words.report += '\n';
  return words;
}

void watchdog::say(std::string_view in, std::string_view component) noexcept {
  try {
    std::string text = "lastcall: deadline passed: component ";
    json_writer(text).value(component);
    text.append(" hangs in ").append(in.empty() ? "its drain" : in);
    text.append("; leaving with exit code ").append(std::to_string(exit_codes::hung)).append("\n");
    try_write_stderr(text);
  } catch (...) {  // out of memory
  }
}

void watchdog::leave() const noexcept {
  const driver_position::place at = where_.at();
  std::size_t index = 0;
  if (at.in != verb::none) index = 1 + at.component * std::size(verbs) + static_cast<std::size_t>(at.in) - 1;
  const lines& words = words_[index < words_.size() ? index : 0];
  const bool kept = report_kept_.load(std::memory_order_relaxed);
  if (!report_file_.empty() && !kept) write_whole(report_file_.c_str(), temporary_file_.c_str(), words.report);
  try_write_stderr(words.text);
  _exit(exit_codes::hung);
}

}  // namespace lastcall::inline v0
