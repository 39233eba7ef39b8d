#include "lastcall/core/app/state_dump.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/stacks/stack.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr std::size_t most_work_items = 10;  // of one component

void write_in_pieces(std::string_view text) noexcept {
  for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 4096)))
    try_write_stderr(text.substr(0, 4096));
}

}  // namespace

void state_dump::write_if_requested(lifecycle& life) {
  if (*under_way_ || !requests_->take_state_dump()) return;
  under_way_->store(true);
  std::string text = "lastcall: " + std::string(to_text(life.status().phase)) + "\n";
  for (const component_status& c : life.status().components)
    text.append("  ").append(c.name).append(": ").append(to_text(c.state)).append("\n");
  write_in_pieces(text);
  // The function touches nothing of the app: it may hang, and the app may be destroyed meanwhile.
  life.report_progress(
      most_work_items, [under_way = under_way_, requests = requests_](const lifecycle::work_of_components& all) {
        try {
          std::string lines;
          for (const auto& [name, items] : all)
            for (const work_item& w : items)
              lines.append("  ").append(name).append(" is at work on ").append(to_text(w)).append("\n");
          write_in_pieces(lines);
          write_in_pieces(describe_threads());
        } catch (const std::exception&) {  // out of memory
        }
        under_way->store(false);
        requests->driver_wakeup().notify();
      });
}

}  // namespace lastcall::inline v0
