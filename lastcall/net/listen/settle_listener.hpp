// For programs that accept by themselves: a listening socket of theirs is emptied without losing a handshake, and then
// theirs to close. Accepts nothing and closes nothing; servers of ours have an acceptor (acceptor.hpp).
#pragma once

#include <cstddef>

#include "lastcall/core/context.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_plan.hpp"

namespace lastcall::inline v0::net {

/// What became of it.
struct settled_listener {
  closing_way way = closing_way::plain;
  settle_end end = settle_end::settled;
  duration took = {};
  std::size_t given_up = 0;  ///< Handshakes still in flight; they are lost by the close.
};

/// Keeps new clients away (they are refused at once), and returns when a close of the socket loses nobody: no handshake
/// is in flight, and the accept queue is empty. The program goes on accepting all the while as it always does, on
/// another thread. What it has accepted and not served yet is not looked at.
/// `listening` must not be shared with another process, nor be one of an SO_REUSEPORT group that others stay in (their
/// clients would be delayed). Of a Unix-domain socket remove the path first; then this waits for its queue.
/// Blocks: until then, usually 10 to 20 ms; at most until the drain end of `ends`, or until it is forced; `options.cap`
/// when it does not drain yet. Threads: any.   Errors: std::invalid_argument if it is no listening socket.
settled_listener settle_listener(int listening, const context& ends, settle_options options = {});

}  // namespace lastcall::inline v0::net
