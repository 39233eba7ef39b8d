#include "lastcall/adapters/sqlite/rows.hpp"

#include <stdexcept>

namespace lastcall::inline v0::sqlite {

sqlite3_value* row::at(int column) const {
  if (column < 0 || column >= of_->columns())
    throw std::invalid_argument("there is no column " + std::to_string(column) + ": there are " +
                                std::to_string(of_->columns()));
  return of_->values_[which_ * of_->names_.size() + static_cast<std::size_t>(column)].get();
}

int row::number_of(const char* column) const {
  for (std::size_t i = 0; i < of_->names_.size(); ++i)
    if (of_->names_[i] == column) return static_cast<int>(i);
  throw std::invalid_argument(std::string("there is no column ") + column);
}

std::string_view row::text(int column) const {
  sqlite3_value* const value = at(column);
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text == nullptr ? std::string_view()
                         : std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

std::span<const std::byte> row::bytes(int column) const {
  sqlite3_value* const value = at(column);
  const auto* const first = static_cast<const std::byte*>(sqlite3_value_blob(value));
  return {first, first == nullptr ? 0 : static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

std::int64_t row::integer(int column) const {
  sqlite3_value* const value = at(column);
  if (sqlite3_value_type(value) != SQLITE_INTEGER) refuse(column, "a whole number");
  return sqlite3_value_int64(value);
}

double row::real(int column) const {
  sqlite3_value* const value = at(column);
  if (const int type = sqlite3_value_type(value); type != SQLITE_FLOAT && type != SQLITE_INTEGER)
    refuse(column, "a number");
  return sqlite3_value_double(value);
}

void row::refuse(int column, const char* wanted) const {
  std::string what = of_->names_[static_cast<std::size_t>(column)];
  if (is_null(column)) {
    what.append(" is null");
  } else {
    what.append(" is '").append(text(column).substr(0, 40)).append("', not ").append(wanted);
  }
  throw std::invalid_argument(what);
}

}  // namespace lastcall::inline v0::sqlite
