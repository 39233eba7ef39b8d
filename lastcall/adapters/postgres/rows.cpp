#include "lastcall/adapters/postgres/rows.hpp"

#include <stdexcept>

namespace lastcall::inline v0::postgres {

int row::number_of(const char* column) const {
  const int number = PQfnumber(of_, column);
  if (number < 0) throw std::invalid_argument(std::string("there is no column ") + column);
  return number;
}

void row::refuse(int column, const char* wanted) const {
  const char* const name = PQfname(of_, column);
  std::string what = name != nullptr ? name : "column " + std::to_string(column);
  if (name == nullptr) {
    what.append(" does not exist");
  } else if (is_null(column)) {
    what.append(" is null");
  } else {
    what.append(" is '").append(text(column).substr(0, 40)).append("', not ").append(wanted);
  }
  throw std::invalid_argument(what);
}

std::uint64_t rows::affected() const noexcept {
  std::uint64_t number = 0;
  const std::string_view text = PQcmdTuples(of_.get());
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace lastcall::inline v0::postgres
