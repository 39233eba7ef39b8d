// A small HTTP server with one known fault, for tests of the exact client. Counts its faults.
#pragma once

#include <memory>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// What happens to a request (or, with `_on_accept`, to a connection).
enum class fault : unsigned char {
  none,
  reset,            // the connection is reset instead of an answer
  reset_half_way,   // ... after half of the answer
  eof,              // an orderly end instead of an answer
  cut,              // ... after half of the answer
  hang,             // no answer at all
  twice,            // two answers
  malformed,        // not HTTP
  wrong_size,       // a body of one byte more than was asked for; to an upload, a wrong count
  error,            // status 500
  close_on_accept,  // an orderly end before the request is read
  reset_on_accept,
};

/// What `stop` does.
enum class stop_way : unsigned char {
  drain,       // correct: refuse new clients, answer the others with Connection: close, end silent ones after 200 ms
  slam,        // close everything at once
  reset_all,   // reset everything at once
  half_close,  // half-close every connection at once, read on, answer nothing more
  ignore,
};

struct faulty_options {
  testing::fault fault = testing::fault::none;
  unsigned times = 1'000'000'000;  // the number of requests with the fault, from the first one; then none
  stop_way stop = stop_way::drain;
  std::string address = "127.0.0.1";  // or "::1", or "unix:PATH"
  bool listens = true;                // false: the port is bound, and refuses clients
  std::string wants = {};             // a request without these bytes is answered with 400
};

/// Serves from its constructor on, in a thread of its own. `GET /big?bytes=N` returns N bytes, a POST the number of
/// bytes that it got, any other request "hello\n".   Threads: any.
class faulty_server {
 public:
  explicit faulty_server(faulty_options = {});
  ~faulty_server();

  std::string url() const;
  /// Returns when the first step of `stop_way` is done: the listener is closed, and so are the connections that are to
  /// be closed at once.
  void stop();
  /// Readable when it was stopped and has nothing left to do.
  int gone() const noexcept;

  unsigned faults() const noexcept;    // requests (connections) with the fault
  unsigned answered() const noexcept;  // requests that were answered correctly, as far as the server knows

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
