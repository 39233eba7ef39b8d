// The same for lastcall/http.hpp.
#pragma once

#include "lastcall/http.hpp"
#include "tests/docs/app.hpp"

namespace http = lastcall::http;

extern http::router& routes;
extern const http::request& req;
