// The values of ?1, ?2, … as SQLite takes them.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::sqlite::detail {

// What is bound must live until the statement is over.
inline int bind_value(sqlite3_stmt* to, int at, std::nullptr_t) { return sqlite3_bind_null(to, at); }
inline int bind_value(sqlite3_stmt* to, int at, std::nullopt_t) { return sqlite3_bind_null(to, at); }
inline int bind_value(sqlite3_stmt* to, int at, std::string_view text) {
  // A null pointer would be SQL's null.
  return sqlite3_bind_text64(to, at, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                             SQLITE_UTF8);
}
inline int bind_value(sqlite3_stmt* to, int at, const char* text) { return bind_value(to, at, std::string_view(text)); }
inline int bind_value(sqlite3_stmt* to, int at, std::span<const std::byte> bytes) {
  if (bytes.empty()) return sqlite3_bind_zeroblob(to, at, 0);
  return sqlite3_bind_blob64(to, at, bytes.data(), bytes.size(), SQLITE_STATIC);
}
template <std::integral N> int bind_value(sqlite3_stmt* to, int at, N value) {
  // SQLite's numbers are signed.
  return std::in_range<std::int64_t>(value) ? sqlite3_bind_int64(to, at, static_cast<std::int64_t>(value))
                                            : SQLITE_RANGE;
}
inline int bind_value(sqlite3_stmt* to, int at, bool value) { return sqlite3_bind_int64(to, at, value ? 1 : 0); }
template <std::floating_point N> int bind_value(sqlite3_stmt* to, int at, N value) {
  return sqlite3_bind_double(to, at, static_cast<double>(value));
}
template <class T> int bind_value(sqlite3_stmt* to, int at, const std::optional<T>& value) {
  return value ? bind_value(to, at, *value) : sqlite3_bind_null(to, at);
}

/// SQLITE_OK, or the first refusal.
template <class... A> int bind_all([[maybe_unused]] sqlite3_stmt* to, const A&... values) {
  [[maybe_unused]] int at = 0;
  int code = SQLITE_OK;
  static_cast<void>((((code = bind_value(to, ++at, values)) == SQLITE_OK) && ...));
  return code;
}

}  // namespace lastcall::inline v0::sqlite::detail

namespace lastcall::inline v0::sqlite {

/// A value of ?1, ?2, …: a number, a bool, text, bytes (std::span<const std::byte>), null (nullptr) or an optional of
/// these.
template <class T>
concept parameter = requires(sqlite3_stmt* to, const T& value) { detail::bind_value(to, 1, value); };

}  // namespace lastcall::inline v0::sqlite
