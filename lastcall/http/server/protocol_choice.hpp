// Which protocol a connection speaks. It begins as HTTP/1.1; ALPN or the client's preface can make it HTTP/2.
#pragma once

#include <memory>

#include "lastcall/http/requests/http2_choice.hpp"
#include "lastcall/net/connection/connection.hpp"

namespace lastcall::inline v0::http::detail {

class shard;

/// The connection for what a listener has accepted. `refusing`: the server is full; its first request is answered 503.
/// Threads: the loop's of its shard.
std::unique_ptr<net::connection> first_protocol(shard& s, net::unique_fd socket, const net::endpoint& remote,
                                                bool refusing);

/// For a service whose connections may become HTTP/2. Lives as long as the process.
const http2_choice& choose_http2() noexcept;

}  // namespace lastcall::inline v0::http::detail
