// Those who watch orders change: WebSockets and event streams.
#pragma once

#include <string>

#include "lastcall/events.hpp"
#include "lastcall/websocket.hpp"
#include "order.hpp"

namespace shop {

struct live {
  lastcall::ws::group sockets;
  lastcall::sse::group streams;

  /// Threads: any. Whoever is not there misses it, and asks for the order.
  void changed(const order& of) {
    const std::string text = to_json(of);
    sockets.send(text);
    streams.send({.data = text});
  }
};

}  // namespace shop
