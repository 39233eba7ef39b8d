// The listening sockets of one address, shared by the processes of an overlapping restart: the new one gets them from
// the old one, so the address is never without a listener, and no queue is lost. Accepts no clients and closes no
// listener. Why so, and what it costs: docs/design/overlap.md.
#pragma once

#include <unistd.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

/// What a process gets from the one before it.
struct shared_sockets {
  std::vector<unique_fd> listeners;
  unique_fd door;     // where the next process asks; all that serve answer it
  unique_fd reading;  // a pipe: as long as a process serves, it holds the end for writing
  unique_fd writing;
  std::string place;  // what is served: the address, or the file of a Unix-domain path by device and inode
};

/// How long a start waits for other processes.
struct start_wait {
  context life = {};  ///< When it drains, the wait ends with an error.
  time_point by = time_point::max();
};

/// `closed`: a process had the door, and closed it.
enum class asked : unsigned char { nobody, closed, got };

/// One for each address that a process serves with others.   Threads: any.
class overlap {
 public:
  /// The most sockets of one address. Source: unix(7), SCM_MAX_FD is 253, and three are ours.
  static constexpr std::size_t most_sockets = 250;

  /// Asks the process that serves `where` for its sockets.
  /// Blocks: until it answers, usually less than a millisecond; while it starts or closes, until it serves or has
  /// closed; not longer than `wait` says.
  /// Errors: std::system_error that names the address and the remedy: ETIMEDOUT, ECANCELED (told to stop), EACCES
  /// (another user), EPROTO (another version), EMFILE (no room for the sockets), ESTALE (the path is another file now),
  /// or what the process has answered.
  static asked ask(const endpoint& where, const start_wait& wait, shared_sockets& into);

  /// The door of `where`. Of all processes with overlap only the one that has it may open sockets there; others wait.
  /// Errors: std::system_error that names the address and the remedy. EADDRINUSE: another process has it.
  static unique_fd open_door(const endpoint& where);

  /// For sockets that this process has opened: what it will offer.   Errors: as `open_door`.
  static shared_sockets offer(const endpoint& where, unique_fd door, std::size_t listeners);

  /// `listeners` are copied, and kept until `leave`. `taken`: another process has opened them.
  overlap(shared_sockets shared, const std::vector<int>& listeners, bool taken);
  overlap& operator=(overlap&&) = delete;

  bool taken() const noexcept { return taken_; }

  /// Readable when a process asks; then call `answer`. To be called while one of the sockets is open.
  int door() const noexcept { return shared_.door.get(); }
  /// Gives the sockets to all that ask, if they are of the same user. Nothing once this process has left.
  /// Errors: those of accept, see `classify_accept`.
  std::error_code answer() noexcept;

  /// This process stops to serve. True: no other does, so the sockets have to be closed without loss. False: another
  /// process goes on with them, and they must only be let go. A second call returns the same.
  bool leave() noexcept;
  bool left() const noexcept;
  /// One of the sockets was closed. With the last one the door closes: who waits there finds the address free.
  void closed_one() noexcept;

 private:
  void send_to(int asking, bool allowed) const noexcept;

  mutable std::mutex mutex_;
  shared_sockets shared_;
  std::size_t open_;
  const bool taken_;
  std::optional<bool> last_;        // what `leave` has returned
  const uid_t user_ = ::geteuid();  // of now: a process that starts as root may be another user later
};

}  // namespace lastcall::inline v0::net
