#include "lastcall/net/listen/activated.hpp"

#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/manager/passed_descriptors.hpp"

namespace lastcall::inline v0::net {

namespace {

// What it is instead of a listening stream socket. Empty: it is one.
std::string kind_of(int fd) {
  const auto option = [fd](int of) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, of, &value, &size) == 0 ? value : -1;
  };
  const int type = option(SO_TYPE);
  if (type == -1) return "no socket; it needs ListenStream=";
  if (type != SOCK_STREAM) return "a socket for messages; say ListenStream=";
  if (option(SO_ACCEPTCONN) != 1) return "a connection; say Accept=no";
  return {};
}

}  // namespace

listen_options activated(std::string_view name, listen_options with) {
  const std::string what = "activated(\"" + std::string(name) + "\"): ";
  const auto all = passed_descriptors();
  if (all.empty())
    throw std::invalid_argument(what +
                                "systemd has passed no socket (LISTEN_FDS, LISTEN_PID); start it by its "
                                ".socket unit, or by systemd-socket-activate");
  const auto found = all.size() == 1 ? all.front().fd : find_passed_descriptor(name);
  if (!found)
    throw std::invalid_argument(what + "no socket has that name, but " + lastcall::detail::names_of(all) +
                                "; say FileDescriptorName= in the .socket unit");
  if (const std::string is = kind_of(*found); !is.empty())
    throw std::invalid_argument(what + "descriptor " + std::to_string(*found) + " is " + is + " in the .socket unit");
  with.inherited_fd = *found;
  return with;
}

}  // namespace lastcall::inline v0::net
