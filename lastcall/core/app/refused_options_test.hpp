// Options beyond their bounds: each is refused by an error that names it.
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::detail {

inline const std::vector<duration> no_times{std::chrono::nanoseconds(-1),
                                            std::chrono::hours(24) + std::chrono::nanoseconds(1), duration::max(),
                                            duration::min()};
/// Where zero is none either.
inline const std::vector<duration> no_times_above_zero = [] {
  std::vector<duration> all = no_times;
  all.push_back(duration::zero());
  return all;
}();

/// `good()` makes options of a part whose name begins with `part`, and `use(options)` accepts those.
template <class Good, class Use> class refused_options {
 public:
  refused_options(std::string part, Good good, Use use)
      : part_(std::move(part)), good_(std::move(good)), use_(std::move(use)) {}

  /// Each of `values` is refused, by "PART: NAME = …".
  template <class O, class V> void are(const std::string& name, V O::* member, const std::vector<V>& values) const {
    SCOPED_TRACE(name);
    for (const V& value : values) {
      auto of = good_();
      of.*member = value;
      try {
        use_(std::move(of));
        ADD_FAILURE() << "accepted";
      } catch (const std::invalid_argument& e) {
        const std::string_view why = e.what();
        EXPECT_TRUE(why.starts_with(part_)) << why;
        EXPECT_NE(why.find(": " + name), why.npos) << why;
      }
    }
  }

 private:
  const std::string part_;
  const Good good_;
  const Use use_;
};

}  // namespace lastcall::inline v0::detail
