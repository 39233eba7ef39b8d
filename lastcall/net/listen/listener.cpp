#include "lastcall/net/listen/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "lastcall/net/listen/overlap.hpp"
#include "lastcall/net/listen/settle_look.hpp"

namespace lastcall::inline v0::net {
namespace {

const char* remedy(int error, const endpoint& where, bool overlap) {
  switch (error) {
    case EADDRINUSE:
      if (overlap)
        return where.ip()
                   ? "a process without overlap listens there, or one with the address in other words, as 0.0.0.0 "
                     "is of 127.0.0.1; stop it, or take another port"
                   : "a process without overlap listens there, or it is no socket; stop that process or take "
                     "another path";
      if (where.abstract()) return "another socket has that name; stop its process or take another name";
      return where.ip() ? "another socket listens there; stop its process or take another port"
                        : "another process listens there, or it is no socket; stop that process or take another path";
    case EADDRNOTAVAIL:
      return "no interface of this machine has that address; try 0.0.0.0 or ::";
    case EACCES:
      return where.ip() ? "ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE"
                        : "the directory must be writable and its parents searchable";
    case EAFNOSUPPORT:
      return "the kernel lacks that address family; for IPv6, is it disabled?";
    case ENOENT:
    case ENOTDIR:
      return "the directory does not exist";
    case EMFILE:
    case ENFILE:
      return "no descriptors left; raise the limit (ulimit -n)";
    case EINVAL:
      return "a link-local IPv6 address needs its interface, as in fe80::1%eth0";
    default:
      return "the kernel refused";
  }
}

[[noreturn]] void fail(int error, const endpoint& where, bool overlap = false) {
  throw std::system_error(error, std::generic_category(),
                          "cannot listen on " + to_text(where) + " (" + remedy(error, where, overlap) + ')');
}

bool set(int fd, int level, int option, int value) noexcept {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/// 0 if it is no socket.
int int_option(int fd, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

unique_fd new_socket(const endpoint& where) {
  sockaddr_storage name;
  where.fill(name);
  if (name.ss_family == AF_UNSPEC)
    throw std::invalid_argument("listener: no address; give one, such as endpoint_of(\"0.0.0.0\", 8080)");
  unique_fd fd(::socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) fail(errno, where);
  return fd;
}

// Returns 0 or errno.
int bind_to(const unique_fd& fd, const endpoint& where) noexcept {
  sockaddr_storage name;
  const socklen_t size = where.fill(name);
  return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
}

unique_fd new_ip_socket(const endpoint& where, bool v6_only) {
  unique_fd fd = new_socket(where);
  set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);  // or a restart would fail while old connections are in TIME_WAIT
  if (where.family() == endpoint::kind::ipv6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, v6_only ? 1 : 0);
  set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // accepted sockets inherit it: one call less for each
  return fd;
}

// The path is a socket on which no process accepts any more.
bool stale(const endpoint& where) noexcept {
  struct stat entry;
  if (::lstat(std::string(where.path()).c_str(), &entry) != 0 || !S_ISSOCK(entry.st_mode)) return false;
  const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage name;
  const socklen_t size = where.fill(name);
  return probe && ::connect(probe.get(), reinterpret_cast<sockaddr*>(&name), size) != 0 && errno == ECONNREFUSED;
}

}  // namespace

void detail::share(listener& one, std::shared_ptr<overlap> with) noexcept { one.shared_ = std::move(with); }
overlap* detail::shared(const listener& one) noexcept { return one.shared_.get(); }

listener::listener(listener_options options) {
  if (options.backlog <= 0)
    throw std::invalid_argument("listener: a backlog of " + std::to_string(options.backlog) + " is not positive");
  if (options.inherited_fd >= 0)
    adopt(options.inherited_fd);
  else
    open(options);
}

listener::listener(unique_fd given, const listener_options& options) : fd_(std::move(given)) {
  local_ = options.where;           // in our words: those of the process before may be another file here
  ::listen(fd(), options.backlog);  // the backlog may be another
  note_path();
  if (options.unix_mode && path_inode_ != 0 && ::chmod(std::string(local_.path()).c_str(), *options.unix_mode) != 0)
    fail(errno, local_);
}

listener_options listener_at(const listen_options& as, endpoint where) {
  const bool inherits = where.family() == endpoint::kind::none;
  return {.where = std::move(where),
          .backlog = as.backlog,
          .successor = as.successor,
          .unix_mode = as.unix_mode,
          .inherited_fd = inherits ? as.inherited_fd : -1,
          .overlap = as.overlap};
}

/// So that the path is removed only if it is still this socket's.
void listener::note_path() {
  struct stat entry;
  if (local_.ip() || local_.abstract() || ::lstat(std::string(local_.path()).c_str(), &entry) != 0) return;
  path_device_ = entry.st_dev;
  path_inode_ = entry.st_ino;
}

void listener::open(const listener_options& options) {
  const endpoint& where = options.where;
  int error = 0;
  if (where.family() == endpoint::kind::unix_path) {
    const std::string path(where.path());
    fd_ = new_socket(where);
    error = bind_to(fd_, where);
    if (error == EADDRINUSE && !where.abstract() && stale(where) && ::unlink(path.c_str()) == 0)
      error = bind_to(fd_, where);
    if (error != 0) fail(error, where, options.overlap);
    local_ = where;
    note_path();
    // Before listen, since no client can connect yet: none comes in under the permissions of the umask.
    if (options.unix_mode && !where.abstract() && ::chmod(path.c_str(), *options.unix_mode) != 0) error = errno;
  } else {
    if (options.reuse_port && !options.successor && where.port() != 0) {
      // Without SO_REUSEPORT bind fails if any other socket listens there. With it the kernel would accept both.
      const unique_fd probe = new_ip_socket(where, options.v6_only);
      if ((error = bind_to(probe, where)) != 0) fail(error, where);
    }
    fd_ = new_ip_socket(where, options.v6_only);
    if (options.reuse_port && !set(fd_.get(), SOL_SOCKET, SO_REUSEPORT, 1)) fail(errno, where);
    error = bind_to(fd_, where);
  }
  if (error == 0 && ::listen(fd_.get(), options.backlog) != 0) error = errno;
  if (error != 0) {
    close();  // also removes the path
    fail(error, where, options.overlap);
  }
  local_ = listening_at(fd_.get()).value_or(where);
}

void listener::adopt(int fd) {
  const auto local = listening_at(fd);
  if (!local || int_option(fd, SO_TYPE) != SOCK_STREAM)
    throw std::invalid_argument("listener: inherited descriptor " + std::to_string(fd) +
                                " is not a listening stream socket; systemd gives the first of LISTEN_FDS as 3");
  local_ = *local;
  fd_.reset(fd);
  owned_by_others_ = true;
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);  // shared with the owner, as the flag belongs to the socket
}

bool listens(int fd) noexcept { return int_option(fd, SO_ACCEPTCONN) != 0; }

result<endpoint> listening_at(int fd) {
  sockaddr_storage name;
  socklen_t size = sizeof name;
  if (!listens(fd) || ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return std::errc::invalid_argument;
  return endpoint::from_sockaddr(name, size);
}

result<accepted> listener::accept_one() const {
  sockaddr_storage name;
  for (;;) {
    socklen_t size = sizeof name;
    unique_fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) return accepted{std::move(fd), endpoint::from_sockaddr(name, size).unmapped()};
    if (errno != EINTR) return std::errc{errno};
  }
}

accept_error classify_accept(const std::error_code& error) noexcept {
  switch (error.value()) {
    case EAGAIN:
      return accept_error::again;
    case ECONNABORTED:  // these and the next: accept(2), Error handling
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM:  // a firewall
      return accept_error::aborted;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return accept_error::exhausted;
    default:
      return accept_error::fatal;
  }
}

/// Another process goes on with the socket: from now on it is only left. So is one that another process has shut down,
/// for which the other sockets of its address are not left.
bool listener::let_go() noexcept {
  if (owned_by_others_ || (shared_ && (!listens(fd()) || !shared_->leave()))) {
    closing_ = closing_way::leave;
    path_inode_ = 0;  // the path is theirs
  }
  return closing_ == closing_way::leave;
}

std::size_t listener::refuse_waiting() noexcept {
  if (!closing_) let_go();
  if (!fd_ || closing_ == closing_way::leave || !client_waits(fd())) return 0;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (local_.ip() && ::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
    return info.tcpi_unacked;  // of a listening socket: how long its accept queue is
  std::size_t count = 0;
  while (accept_one()) ++count;
  return count;
}

/// Without the shutdown a copy of the descriptor, in a child that was forked without exec, would keep the address.
void listener::close() noexcept {
  if (!fd_) return;  // closed already, or moved from
  if (!closing_) let_go();
  remove_path();
  if (!owned_by_others_ && closing_ != closing_way::leave) ::shutdown(fd(), SHUT_RD);
  fd_.reset();
  if (shared_) shared_->closed_one();
}

bool listener::remove_path() noexcept {
  if (path_inode_ == 0) return true;
  const std::string path(local_.path());
  struct stat entry;
  const bool found = ::lstat(path.c_str(), &entry) == 0;
  const bool ours = found && entry.st_dev == path_device_ && entry.st_ino == path_inode_;
  const bool removed = ours && ::unlink(path.c_str()) == 0;
  if (!removed && (ours || (!found && errno != ENOENT && errno != ENOTDIR)))
    path_left_ = {errno, std::generic_category()};
  path_inode_ = 0;
  return removed;
}

}  // namespace lastcall::inline v0::net
