// For programs that accept by themselves: waits until their listening socket can be closed without losing a handshake.
// Accepts nothing and closes nothing. Lastcall's own servers use acceptor.hpp.
#pragma once

#include <cstddef>

#include "lastcall/core/context/context.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_options.hpp"

namespace lastcall::inline v0::net {

/// How it went.
struct settled_listener {
  closing_way way = closing_way::plain;
  settle_end end = settle_end::settled;
  duration took = {};
  std::size_t given_up = 0;  ///< Handshakes still in flight; they are lost by the close.
};

/// Keeps new clients away (they are refused at once), and returns when no handshake is in flight and the accept queue
/// is empty: then a close loses no client. Meanwhile the program goes on accepting, on another thread. Does not know
/// whether accepted connections were served.
/// `listening` must not be shared with another process, nor be in an SO_REUSEPORT group of which others stay (their
/// clients would be delayed). For a Unix-domain socket remove the path first; then this waits for its queue.
/// Blocks: usually 10 to 20 ms; at most until the drain end of `ends`, or until it is forced; `options.cap` when it
/// does not drain yet. Threads: any.   Errors: std::invalid_argument if it is not a listening socket.
settled_listener settle_listener(int listening, const context& ends, settle_options options = {});

}  // namespace lastcall::inline v0::net
