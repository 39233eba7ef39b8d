// The same for lastcall/kafka.hpp.
#pragma once

#include <string>

#include "lastcall/http.hpp"
#include "lastcall/kafka.hpp"
#include "tests/docs/app.hpp"

void bill(const std::string& what, const lastcall::context& until);
extern lastcall::kafka::producer& orders_out;
