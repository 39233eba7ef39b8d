#include "lastcall/net/listen/listen_options.hpp"

#include <array>
#include <charconv>
#include <stdexcept>

namespace lastcall::inline v0::net {

namespace {

std::string octal(mode_t mode) {
  std::array<char, 16> digits{};
  return "0" + std::string(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8).ptr);
}

}  // namespace

void check(const listen_options& o, std::string_view unix_path, const std::string& name) {
  const auto refuse = [&](const std::string& why) { throw std::invalid_argument(name + ": listen." + why); };
  if (o.unix_mode) {
    const std::string mode = "unix_mode = " + octal(*o.unix_mode);
    if (*o.unix_mode > 07777) refuse(mode + " has more than the 12 bits of permissions; give 0660 or so");
    if (unix_path.empty()) refuse(mode + ", but there is no unix_path; give one, or leave it out");
    if (unix_path.starts_with('@'))
      refuse(mode + ", but unix_path = \"" + std::string(unix_path) +
             "\" is no file, and has no permissions; leave it out, or give a path");
  }
  const std::string inherited = "inherited_fd = " + std::to_string(o.inherited_fd);
  if (o.inherited_fd < -1) refuse(inherited + " is no descriptor; give that of a listening socket, or -1 for none");
  if (o.inherited_fd >= 0 && (o.overlap || o.successor))
    refuse(inherited + (o.overlap ? " with overlap" : " with successor") +
           ": the socket's owner gives it to the next process as well; leave the other option out");
}

}  // namespace lastcall::inline v0::net
