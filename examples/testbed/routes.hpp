// The testbed's routes, as far as the server can serve them.
#pragma once

#include "lastcall/http/router.hpp"
#include "lastcall/net/runtime.hpp"

namespace testbed {

/// `on` outlives the routes.
lastcall::http::router routes(lastcall::net::runtime& on);

}  // namespace testbed
