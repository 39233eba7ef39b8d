#include "lastcall/core/work_item.hpp"

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0 {

std::string to_text(const work_item& of) {
  std::string text = of.label;
  if (!of.remote.empty()) text.append(" for ").append(of.remote);
  text.append(", for ").append(to_text(std::chrono::floor<std::chrono::milliseconds>(of.age)));
  if (!of.waits_for.empty()) text.append(", waits for ").append(of.waits_for);
  return text;
}

}  // namespace lastcall::inline v0
