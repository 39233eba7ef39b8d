#include "lastcall/core/report/report.hpp"

#include <array>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0 {

bool component_report::cut() const noexcept {
  if (connections.forced > 0 || requests.forced > 0) return true;
  if (!forced) return false;
  if (lost) return *lost;
  const bool has_ledgers = connections != connection_ledger{} || requests != request_ledger{};
  return !has_ledgers || !connections.adds_up() || !requests.adds_up() || !drained_ms;
}

template <class Ledger> static Ledger sum(const report& r, Ledger component_report::* each) noexcept {
  Ledger all;
  for (const component_report& c : r.components) all += c.*each;
  return all;
}

connection_ledger report::connections() const noexcept { return sum(*this, &component_report::connections); }
request_ledger report::requests() const noexcept { return sum(*this, &component_report::requests); }

std::uint64_t report::unexplained_resets() const noexcept {
  const connection_ledger ours = connections();
  const std::uint64_t seen = kernel ? kernel->resets() : 0;
  const std::uint64_t explained = ours.forced + ours.reset_by_remote + ours.timed_out;
  return seen > explained ? seen - explained : 0;
}

std::vector<std::string> report::hung() const {
  std::vector<std::string> names;
  for (const component_report& c : components) {
    if (c.hung) names.push_back(c.name);
  }
  return names;
}

std::string_view to_text(cause_kind what) noexcept {
  static constexpr std::array<std::string_view, detail::enum_count<cause_kind>()> texts{
      "none", "signal", "request", "failed start", "failed component"};
  const auto index = static_cast<std::size_t>(what);
  return texts[index < texts.size() ? index : 0];
}

}  // namespace lastcall::inline v0
