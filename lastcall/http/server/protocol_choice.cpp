#include "lastcall/http/server/protocol_choice.hpp"

#include <string>
#include <utility>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h2/h2_connection.hpp"
#include "lastcall/http/requests/shard.hpp"

namespace lastcall::inline v0::http::detail {

std::unique_ptr<net::connection> first_protocol(shard& s, net::unique_fd socket, const net::endpoint& remote,
                                                bool refusing) {
  return std::make_unique<h1_connection>(s, std::move(socket), remote, refusing);
}

const http2_choice& choose_http2() noexcept {
  static const http2_choice choice{
      .preface = h2_session::preface,
      .turned_away = h2_session::turned_away(),
      .replacement = [](shard& s, net::connection& before, std::string received) -> std::unique_ptr<net::connection> {
        return std::make_unique<h2_connection>(s, before, std::move(received));
      }};
  return choice;
}

}  // namespace lastcall::inline v0::http::detail
