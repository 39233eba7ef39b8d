// A snapshot of numbers: as text for Prometheus, and those that /status shows. It does not count and does not serve.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct metric_label {
  std::string_view name{};
  std::string_view value{};
};

/// Make one, let every component add to it, take its text. Samples of one name are kept together, in any order of
/// calls. Names end in their unit (_seconds, _bytes), names of counters in _total. Errors: std::invalid_argument names
/// an invalid metric or label name, or a name that has another type already. Threads: one.   Source: Prometheus text
/// exposition format 0.0.4.
class metrics {
 public:
  using labels = std::initializer_list<metric_label>;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Later samples get `name` as their first label, `component`. Empty: they get none.
  void of_component(std::string_view name);

  /// For each name only the first `help` is used.
  metrics& counter(std::string_view name, std::string_view help, std::uint64_t value, labels with = {});
  metrics& gauge(std::string_view name, std::string_view help, double value, labels with = {});
  /// `counts[i]` is the number of values above the bound before and not above `bounds[i]`. The last count, one more
  /// than there are bounds, is of the values above all bounds.
  metrics& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                     std::span<const std::uint64_t> counts, double sum, labels with = {});

  /// Also shows a number of the component in /status; with `part`, as one of several under that name.
  metrics& show(std::string_view name, std::uint64_t value, std::string_view part = {});
  struct shown_number {
    std::string component;
    std::string name;
    std::string part;  ///< empty: the number stands alone
    std::uint64_t value;
  };

  /// The sum of all counters: it grows with whatever is finished.
  std::uint64_t counted() const noexcept { return counted_; }

  std::string text() const;
  const std::vector<shown_number>& shown() const noexcept { return shown_; }

 private:
  struct family {
    std::string name;
    std::string help;
    std::string_view type;
    std::string samples{};
  };

  family& family_of(std::string_view name, std::string_view help, std::string_view type);
  void add_sample(family& in, std::string_view suffix, labels with, std::string_view value,
                  std::string_view bound = {}) const;

  std::vector<family> families_;
  std::vector<shown_number> shown_;
  std::string component_;
  std::uint64_t counted_ = 0;
};

}  // namespace lastcall::inline v0
