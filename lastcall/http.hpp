// The HTTP server: routes, requests and responses, files, the admin listener. Shows no Boost. Handlers that are
// coroutines need lastcall/task.hpp as well, bodies in pieces lastcall/streaming.hpp, middleware
// lastcall/middleware.hpp.
#pragma once

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/message/client_address.hpp"
#include "lastcall/http/message/cookies.hpp"
#include "lastcall/http/message/form.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/problem.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/message/status.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/requests/access_log.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/server/admin.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/net/loop/runtime.hpp"
