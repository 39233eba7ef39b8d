// How a server opens and closes its listeners, apart from where: the same for all servers.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace lastcall::inline v0::net {

inline constexpr int default_backlog = 4096;

/// How new handshakes are kept away while a listener is being closed; in the report.
enum class closing_way : unsigned char {
  unplug,       ///< New clients are refused at once; handshakes in flight finish. No privilege.
  filter,       ///< SYNs are dropped, so new clients are refused after 1 s or more. CAP_NET_ADMIN on newer kernels.
  remove_path,  ///< Unix-domain: the path is removed; clients that have connected are accepted.
  accept_until_empty,  ///< New clients are not kept away, and handshakes in flight are lost.
  plain,               ///< As most servers do: the accept queue and handshakes in flight are reset. For comparison.
  leave                ///< Another process owns it too: we stop accepting, and the queue stays for that process.
};

struct listen_options {
  /// How many clients may wait to be accepted. The kernel cuts it to net.core.somaxconn.
  int backlog = default_backlog;
  /// Permissions of `unix_path`: 0660. Empty: as the umask says.
  std::optional<mode_t> unix_mode = {};
  /// A listening socket, TCP or Unix-domain, in place of `address` and `port`; of a TLS listener only with `tls_only`.
  /// Another process owns it, too (systemd's socket activation: 3), so at the end it is only left: its queue stays for
  /// the next process. -1: none.
  int inherited_fd = -1;
  /// Others may listen on the port, with SO_REUSEPORT and as the same user: it joins them instead of failing, and the
  /// kernel spreads new clients over all. For taking over from a program of another library. When this server ends and
  /// others stay, some new clients wait a second. Between Lastcall's own take `overlap`.
  bool successor = false;
  /// For a restart without a gap: the next process that has it, too, and the same address, gets this one's listening
  /// sockets at its start. Both accept until this one is told to stop; then the queue stays for the next one. Only
  /// processes of the same user (not 65534) and network namespace. Its start waits for a former one that is about to
  /// close, for 5 s at most. docs/guide/restart.md.
  bool overlap = false;
};

/// Errors: std::invalid_argument that begins with `name`, and names the option, its value and the remedy.
void check(const listen_options&, std::string_view unix_path, const std::string& name);

}  // namespace lastcall::inline v0::net
