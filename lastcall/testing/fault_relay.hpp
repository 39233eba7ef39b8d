// A bad network between a client and a server under test: a TCP relay on loopback that delays, throttles, slices,
// stalls and breaks connections, by plan or by a call. Does not delay or lose handshakes (network namespaces can), and
// does not parse the bytes.
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

/// The faults of the two directions of one connection. By default there are none.
struct relay_faults {
  line_faults to_server{};
  line_faults to_client{};

  /// The same both ways.
  static relay_faults both(const line_faults& faults) { return {faults, faults}; }
};

/// Errors: std::invalid_argument that names the member, its value and what is allowed.
inline void check(const relay_faults& f) {
  check(f.to_server);
  check(f.to_client);
}

enum class direction : unsigned char { to_server, to_client };

struct relay_options {
  relay_faults faults{};                  // of each connection, until `set` changes them
  std::size_t buffer_bytes = 256 * 1024;  // for each direction; a full one slows the sender down
  std::size_t most_connections = 4096;    // more wait in the accept queue
};

/// One connection, and how many bytes have passed.
struct relay_connection {
  std::size_t number = 0;       // 0 for the first that was accepted
  std::uint64_t to_server = 0;  // bytes written to the server
  std::uint64_t to_client = 0;
  bool open = false;  // neither ended nor broken
};

/// From its constructor on it accepts clients at `url()`, in a thread of its own, and connects each to the server. If
/// the server refuses, it resets the client. The destructor resets open connections. Threads: any.   Blocks:
/// `wait_for`; the destructor, for a moment.
class fault_relay {
 public:
  /// Errors: std::system_error when it cannot listen; std::invalid_argument for an option beyond its range.
  explicit fault_relay(server_address server, relay_options options = {});
  ~fault_relay();
  fault_relay& operator=(fault_relay&&) = delete;

  std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:PORT"
  std::string url() const;

  /// Sets the faults of connections that are accepted from now on.
  void set(relay_faults faults);
  /// Sets those of one connection. Does nothing if it has ended, or was not accepted yet.
  void set(std::size_t connection, relay_faults faults);
  /// Calls `by_number` for the faults of each connection that is accepted from now on; empty: as `set` says. It runs on
  /// the relay's thread with a lock held, and must not call the relay.
  void choose(function<relay_faults(std::size_t connection)> by_number);

  /// True: new clients get ECONNREFUSED; clients whose handshake was complete before are still connected to the server.
  /// False: accepts again.   Errors: std::system_error when the port is no longer free.
  void refuse_new(bool refused = true);

  /// Sends FIN to the receiver of this direction now; bytes on their way to it are dropped.
  void half_close(std::size_t connection, direction towards);
  /// Sends FIN to both sides now; bytes on their way are dropped.
  void cut(std::size_t connection);
  /// Sends RST to both sides now.
  void reset(std::size_t connection);
  void cut_all();
  void reset_all();

  /// All that were accepted, in that order.
  std::vector<relay_connection> connections() const;
  /// How many are open now.
  std::size_t open() const;
  /// The sum over all connections.
  std::uint64_t bytes(direction towards) const;
  /// Connections that the server did not take.
  std::size_t refused_by_server() const;

  /// Waits until `holds` returns true; it is called after each change. False: `by` has passed.
  bool wait_for(function<bool(const std::vector<relay_connection>&)> holds, deadline by) const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
