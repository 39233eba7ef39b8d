// What the shop answers over HTTP.
#pragma once

#include "inventory.hpp"
#include "lastcall/http.hpp"
#include "live.hpp"
#include "orders.hpp"

namespace shop {

lastcall::http::router routes(orders& of, inventory& goods, live& told);

}  // namespace shop
