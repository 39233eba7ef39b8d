// Errors as JSON, in the one form that has a standard.   Source: RFC 9457.
#pragma once

#include <string_view>

#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http {

class request;

/// application/problem+json: {"type":"about:blank","title":"Conflict","status":409,"detail":…}. Without a detail the
/// member is left out.   Errors: std::invalid_argument for a status that no response may have.
response problem(int status, std::string_view detail = {});

/// Makes a problem of a response of 400 and above whose body is plain text, which becomes the detail; headers stay.
/// Changes no other. For server_options::own_answers and for `after`.
void problem_json(const request&, response& r);

}  // namespace lastcall::inline v0::http
