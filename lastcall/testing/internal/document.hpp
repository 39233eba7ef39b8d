// What a program leaves as JSON, read by path. Writes nothing and keeps no types: what has fields is read_report's.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lastcall::inline v0::testing {

/// `number("requests.begun")`, `number("loads.0.lost")`. A path that is not there throws std::out_of_range and names
/// itself, so that a renamed field fails the test.   Threads: any, as long as nobody assigns to it.
class document {
 public:
  document() = default;
  /// Without text it is not there. Errors: std::invalid_argument, with the offset, when it is not JSON (RFC 8259).
  explicit document(std::string json);
  /// Not there when there is no such file.
  static document from_file(const std::string& path);

  explicit operator bool() const noexcept { return tree_ != nullptr; }
  /// A string without its quotes, anything else as JSON writes it.
  std::string text(std::string_view path) const;
  /// NaN for null. Errors: std::invalid_argument when it is no number.
  double number(std::string_view path) const;
  /// How many elements or members it has.
  std::size_t size(std::string_view path) const;
  bool has(std::string_view path) const noexcept;
  /// All of it, to be shown where an expectation fails.
  const std::string& json() const noexcept { return json_; }

 private:
  std::string json_;
  std::shared_ptr<const void> tree_;
};

}  // namespace lastcall::inline v0::testing
