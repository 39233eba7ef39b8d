#include "lastcall/adapters/redis/commands.hpp"

#include <stdexcept>

namespace lastcall::inline v0::redis {

void commands::begin(std::string_view name, std::size_t words) {
  if (name.empty() || name.find_first_of(" \t\r\n") != name.npos)
    throw std::invalid_argument(
        "redis: \"" + std::string(name.substr(0, 60)) +
        R"(" is not the name of a command; give each word for itself: "CONFIG", "GET", "port")");
  const auto verb = detail::session_verb_of(name);
  if (verb == detail::session_verb::take_over)
    throw std::invalid_argument("redis: " + std::string(name) +
                                " takes its connection over, so it is no command here; see redis::subscription");
  if (verb != detail::session_verb::none) verbs_.emplace_back(count_, verb);
  if (count_++ == 0) first_ = name;
  text_.append("*").append(std::to_string(words)).append("\r\n");
  detail::append_word(text_, name);
}

std::string commands::label() const {
  return count_ < 2 ? first_ : first_ + " and " + std::to_string(count_ - 1) + " more";
}

}  // namespace lastcall::inline v0::redis
