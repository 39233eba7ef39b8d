// Descriptors that the service manager (systemd) has opened or kept for this process. Does not know what they are.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct passed_descriptor {
  int fd;
  /// FileDescriptorName= of the .socket unit, by default the unit's name; or the one it was stored under. Empty: none.
  std::string name;
};

/// All of them, in the order in which they were given, from the variables LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
/// None: the variables are not set, or are meant for another process. Each is made close-on-exec. It stays the
/// process's own to close. Errors: std::invalid_argument when the variables contradict themselves or what is open.
/// Threads: one.   Source: sd_listen_fds(3).
std::vector<passed_descriptor> passed_descriptors();

/// The one of that name. Empty: there is none.
/// Errors: as above; also when several have that name.
std::optional<int> find_passed_descriptor(std::string_view name);

namespace detail {
/// Reads the variables only.
std::vector<passed_descriptor> passed_descriptors(const std::function<const char*(const char* name)>& env, pid_t self);
/// "http, shop.socket", for errors.
std::string names_of(const std::vector<passed_descriptor>& all);
}  // namespace detail

}  // namespace lastcall::inline v0
