// A bad network between a client and a server under test: a TCP relay on loopback that delays, throttles, slices,
// stalls and breaks what passes, by plan or at a call. It does not delay or lose handshakes: the client's is the
// relay's own kernel's (a wire of its own for that: network namespaces). It does not look into the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/testing/internal/fault_line.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

/// The two directions of one connection. All that is not said passes as it comes.
struct relay_faults {
  line_faults to_server{};
  line_faults to_client{};

  /// The same both ways.
  static relay_faults both(const line_faults& faults) { return {faults, faults}; }
};

enum class direction : unsigned char { to_server, to_client };

struct relay_options {
  relay_faults faults{};                  // of each connection, until `set` says something else
  std::size_t buffer_bytes = 256 * 1024;  // per direction; a full one slows the sender down
  std::size_t most_connections = 4096;    // more wait in the accept queue
};

/// What passed through one connection.
struct relay_connection {
  std::size_t number = 0;       // 0 for the first that was accepted
  std::uint64_t to_server = 0;  // bytes handed to the kernel for the server
  std::uint64_t to_client = 0;
  bool open = false;  // neither ended nor broken
};

/// Relays from the constructor on, in one thread of its own, every connection to `url()` to one of its own to the
/// server. When the server refuses, the client is reset: it was accepted already.   Threads: any. Blocks: nothing does,
/// but `wait_for` and, for a moment, the destructor, which resets what is open.
class fault_relay {
 public:
  /// Errors: std::system_error when it can't listen.
  explicit fault_relay(server_address server, relay_options options = {});
  ~fault_relay();
  fault_relay(const fault_relay&) = delete;
  fault_relay& operator=(const fault_relay&) = delete;

  std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:PORT"
  std::string url() const;

  /// For connections that are accepted from now on; `all` says: also for those that are open.
  void set(relay_faults faults);
  void set_all(relay_faults faults);
  /// For one. Nothing happens if it has gone, or has not come.
  void set(std::size_t connection, relay_faults faults);
  /// Decides for each connection that is accepted from now on, by its number; empty: as `set` says. Runs on the relay's
  /// thread with its lock held: it must not call the relay.
  void choose(function<relay_faults(std::size_t connection)> by_number);

  /// New clients get ECONNREFUSED; those whose handshake is done are on their way to the server when this returns.
  /// False: they are welcome again.
  /// Errors: std::system_error when the port can't be had again.
  void refuse_new(bool refused = true);

  /// The receiver of this direction gets a FIN now; what was on its way to it is dropped.
  void half_close(std::size_t connection, direction towards);
  /// Both sides get a FIN now; what was on its way is dropped.
  void cut(std::size_t connection);
  /// Both sides get a RST now.
  void reset(std::size_t connection);
  void cut_all();
  void reset_all();

  /// Each that was ever accepted, in that order.
  std::vector<relay_connection> connections() const;
  /// How many are open now.
  std::size_t open() const;
  /// Of all connections together.
  std::uint64_t bytes(direction towards) const;
  /// Connections that the server did not take.
  std::size_t refused_by_server() const;

  /// Waits until `holds` is true of the connections; false once `by` has passed. It is asked when something has
  /// changed.
  bool wait_for(function<bool(const std::vector<relay_connection>&)> holds, deadline by) const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
