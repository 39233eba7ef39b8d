// What the server answered: libpq's own result, with typed reads. Text format only; other types are the program's, from
// the text.
#pragma once

#include <libpq-fe.h>

#include <charconv>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::postgres {

class rows;

/// One row. Valid as long as its `rows`.
class row {
 public:
  bool is_null(int column) const noexcept { return PQgetisnull(of_, at_, column) != 0; }
  /// Empty for null.
  std::string_view text(int column) const noexcept {
    return {PQgetvalue(of_, at_, column), static_cast<std::size_t>(PQgetlength(of_, at_, column))};
  }
  /// Errors: std::invalid_argument that names the column and its text when it is not such a value; for null too, unless
  /// T is an optional.
  template <class T> T get(int column) const;
  template <class T> T get(const char* column) const { return get<T>(number_of(column)); }

 private:
  friend class rows;
  row(PGresult* of, int at) noexcept : of_(of), at_(at) {}

  /// Errors: std::invalid_argument that names the column.
  int number_of(const char* column) const;
  [[noreturn]] void refuse(int column, const char* wanted) const;

  PGresult* of_;
  int at_;
};

/// Owns a PGresult.   Threads: one at a time.
class rows {
 public:
  /// Takes it over.
  explicit rows(PGresult* of) noexcept : of_(of) {}

  int size() const noexcept { return PQntuples(of_.get()); }
  bool empty() const noexcept { return size() == 0; }
  int columns() const noexcept { return PQnfields(of_.get()); }
  row operator[](int at) const noexcept { return {of_.get(), at}; }
  /// Rows that INSERT, UPDATE, DELETE, MERGE or COPY changed.
  std::uint64_t affected() const noexcept;
  PGresult* native_handle() const noexcept { return of_.get(); }

  class iterator {
   public:
    row operator*() const noexcept { return (*of_)[at_]; }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

   private:
    friend class rows;
    iterator(const rows* of, int at) noexcept : of_(of), at_(at) {}
    const rows* of_;
    int at_;
  };
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }

 private:
  struct clear {
    void operator()(PGresult* of) const noexcept { PQclear(of); }
  };
  std::unique_ptr<PGresult, clear> of_;
};

namespace detail {
template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

template <class T> T row::get(int column) const {
  if constexpr (detail::is_optional<T>) {
    if (is_null(column)) return std::nullopt;
    return get<typename T::value_type>(column);
  } else {
    if (is_null(column)) refuse(column, "a value");
    const std::string_view from = text(column);
    if constexpr (std::same_as<T, bool>) {
      if (from != "t" && from != "f") refuse(column, "a boolean");
      return from == "t";
    } else if constexpr (std::is_arithmetic_v<T>) {
      T value{};
      const auto [end, wrong] = std::from_chars(from.data(), from.data() + from.size(), value);
      if (wrong != std::errc() || end != from.data() + from.size()) refuse(column, "a number that fits");
      return value;
    } else {
      return T(from);
    }
  }
}

}  // namespace lastcall::inline v0::postgres
