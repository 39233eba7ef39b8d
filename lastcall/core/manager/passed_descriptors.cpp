#include "lastcall/core/manager/passed_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0 {

namespace detail {

std::vector<passed_descriptor> passed_descriptors(const std::function<const char*(const char* name)>& env, pid_t self) {
  constexpr int first = 3;
  constexpr int most = 1024;
  const auto value = [&](const char* name) -> std::string_view {
    const char* const found = env(name);
    return found == nullptr ? std::string_view() : found;
  };
  const std::string_view count = value("LISTEN_FDS");
  if (count.empty() || value("LISTEN_PID") != std::to_string(self)) return {};
  const auto n = parse_number<int>(count);
  if (!n || *n < 0 || *n > most)
    throw std::invalid_argument("LISTEN_FDS=\"" + std::string(count) + "\" is no number of descriptors from 0 to " +
                                std::to_string(most));
  std::vector<passed_descriptor> all;
  std::string_view names = value("LISTEN_FDNAMES");
  const bool named = !names.empty();
  for (int i = 0; i < *n; ++i) {
    const std::size_t end = std::min(names.find(':'), names.size());
    all.push_back({.fd = first + i, .name = std::string(names.substr(0, end))});
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  if (named && static_cast<int>(std::ranges::count(value("LISTEN_FDNAMES"), ':')) + 1 != *n)
    throw std::invalid_argument("LISTEN_FDNAMES=\"" + std::string(value("LISTEN_FDNAMES")) + "\" does not name the " +
                                std::to_string(*n) + " descriptors of LISTEN_FDS");
  return all;
}

std::string names_of(const std::vector<passed_descriptor>& all) {
  std::string text;
  for (const passed_descriptor& each : all) text.append(text.empty() ? "" : ", ").append(each.name);
  return text;
}

}  // namespace detail

std::vector<passed_descriptor> passed_descriptors() {
  auto all = detail::passed_descriptors([](const char* name) -> const char* { return std::getenv(name); }, ::getpid());
  for (const passed_descriptor& each : all)
    if (::fcntl(each.fd, F_SETFD, FD_CLOEXEC) != 0)
      throw std::invalid_argument("LISTEN_FDS=\"" + std::to_string(all.size()) + "\", but descriptor " +
                                  std::to_string(each.fd) + " (" + each.name + ") is not open");
  return all;
}

std::optional<int> find_passed_descriptor(std::string_view name) {
  std::optional<int> found;
  const auto all = passed_descriptors();
  for (const passed_descriptor& each : all) {
    if (each.name != name) continue;
    if (found)
      throw std::invalid_argument("two descriptors of LISTEN_FDS have the name \"" + std::string(name) +
                                  "\": " + detail::names_of(all) + "; give each a FileDescriptorName= of its own");
    found = each.fd;
  }
  return found;
}

}  // namespace lastcall::inline v0
