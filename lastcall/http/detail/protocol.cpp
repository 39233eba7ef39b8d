#include "lastcall/http/detail/protocol.hpp"

namespace lastcall::inline v0::http::detail {

std::vector<std::string> offered_protocols() { return {"http/1.1"}; }

std::unique_ptr<net::connection> make_protocol(shard&, net::connection& before) {
  if (before.agreed_protocol() == "h2") return nullptr;  // HTTP/2's connection is made here, once it is offered above
  return nullptr;
}

}  // namespace lastcall::inline v0::http::detail
