// The listening sockets of systemd's socket activation, as options of a server.
#pragma once

#include <string_view>

#include "lastcall/net/listen/listen_options.hpp"

namespace lastcall::inline v0::net {

/// `.listen = net::activated("http")`: the socket with that FileDescriptorName= in its .socket unit; where there is
/// only one, that one, whatever its name. systemd owns it, too: a server that ends leaves it, with the clients in its
/// queue, for the next process. `with` are further options. A foreign server gets its descriptor as
/// `activated("http").inherited_fd`; at its end it stops accepting and closes that, without drain_of_listener.
/// Errors: std::invalid_argument when systemd has passed none of that name, or something else than a listening stream
/// socket.   Threads: one.   Source: systemd.socket(5).
listen_options activated(std::string_view name, listen_options with = {});

}  // namespace lastcall::inline v0::net
