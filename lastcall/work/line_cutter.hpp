// Cuts a stream of bytes into lines. Pure: it reads nothing and writes nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// What is longer than the longest line is cut, and the rest of that line is dropped. It keeps no more than one line.
class line_cutter {
 public:
  explicit line_cutter(std::size_t longest) : longest_(longest) {}

  /// Calls `line(std::string_view)` for each line that ends in `bytes`.
  template <class F> void take(std::string_view bytes, const F& line) {
    for (std::size_t end; (end = bytes.find('\n')) != bytes.npos; bytes.remove_prefix(end + 1)) {
      keep(bytes.substr(0, end));
      begun_ = false;
      line(std::string_view(kept_));
      kept_.clear();
    }
    keep(bytes);
    begun_ = begun_ || !bytes.empty();
  }
  /// The stream has ended: calls it for a last line without an end.
  template <class F> void end(const F& line) {
    if (begun_) take("\n", line);
  }

 private:
  void keep(std::string_view more) { kept_.append(more.substr(0, longest_ - kept_.size())); }

  const std::size_t longest_;
  std::string kept_;
  bool begun_ = false;
};

}  // namespace lastcall::inline v0::detail
