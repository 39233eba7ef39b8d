// What a statement returned, with typed reads: SQLite's own values, kept.
#pragma once

#include <sqlite3.h>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::sqlite {

class rows;

namespace detail {
struct free_value {
  void operator()(sqlite3_value* of) const noexcept { sqlite3_value_free(of); }
};
using kept_value = std::unique_ptr<sqlite3_value, free_value>;

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

/// One row. Valid as long as its `rows`.
class row {
 public:
  /// Errors, here and below: std::invalid_argument that names the column when there is none.
  bool is_null(int column) const { return sqlite3_value_type(at(column)) == SQLITE_NULL; }
  /// Text, or a number as text. Empty for null.
  std::string_view text(int column) const;
  /// Empty for null.
  std::span<const std::byte> bytes(int column) const;
  /// A number, a bool (0 or 1), a std::string, or an optional of these. SQLite converts nothing here: a column that
  /// holds text is no number. Errors: std::invalid_argument that names the column and what it holds when it is not such
  /// a value, or does not fit; for null too, unless T is an optional.
  template <class T> T get(int column) const;
  template <class T> T get(const char* column) const { return get<T>(number_of(column)); }

 private:
  friend class rows;
  row(const rows& of, std::size_t which) noexcept : of_(&of), which_(which) {}

  sqlite3_value* at(int column) const;
  int number_of(const char* column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  [[noreturn]] void refuse(int column, const char* wanted) const;

  const rows* of_;
  std::size_t which_;
};

/// All rows of a statement. For more than memory holds: connection::each.   Threads: one at a time.
class rows {
 public:
  std::size_t size() const noexcept { return names_.empty() ? 0 : values_.size() / names_.size(); }
  bool empty() const noexcept { return values_.empty(); }
  int columns() const noexcept { return static_cast<int>(names_.size()); }
  row operator[](std::size_t which) const noexcept { return {*this, which}; }
  /// Rows that INSERT, UPDATE or DELETE changed.
  std::uint64_t affected() const noexcept { return affected_; }

  class iterator {
   public:
    row operator*() const noexcept { return (*of_)[which_]; }
    iterator& operator++() noexcept {
      ++which_;
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return which_ == other.which_; }

   private:
    friend class rows;
    iterator(const rows* of, std::size_t which) noexcept : of_(of), which_(which) {}
    const rows* of_;
    std::size_t which_;
  };
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }

 private:
  friend class row;
  friend class connection;

  std::vector<std::string> names_;
  std::vector<detail::kept_value> values_;  // row by row
  std::uint64_t affected_ = 0;
};

template <class T> T row::get(int column) const {
  if constexpr (detail::is_optional<T>) {
    if (is_null(column)) return std::nullopt;
    return get<typename T::value_type>(column);
  } else if constexpr (std::same_as<T, bool>) {
    const std::int64_t value = integer(column);
    if (value != 0 && value != 1) refuse(column, "a boolean");
    return value == 1;
  } else if constexpr (std::integral<T>) {
    const std::int64_t value = integer(column);
    if (!std::in_range<T>(value)) refuse(column, "a number that fits");
    return static_cast<T>(value);
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(real(column));
  } else {
    if (is_null(column)) refuse(column, "a value");
    return T(text(column));
  }
}

}  // namespace lastcall::inline v0::sqlite
