// What the shop answers over HTTP, and what it tells those who watch.
#pragma once

#include <string>

#include "inventory.hpp"
#include "lastcall/events.hpp"
#include "lastcall/http.hpp"
#include "lastcall/websocket.hpp"
#include "orders.hpp"

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

lastcall::http::router routes(orders& of, inventory& goods, live& told);

}  // namespace shop
