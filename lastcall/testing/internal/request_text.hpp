// What the exact client sends: the bytes of a request.
#pragma once

#include <string>
#include <vector>

#include "lastcall/testing/internal/load_options.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

/// What a program wants of each request.
struct request_options {
  std::vector<std::string> headers = {};  // "Name: value" each; a Host takes the place of the server's
  std::string method = {};                // empty: GET, or POST where there is a body
  std::string body = {};                  // an upload has one of its own, and is a POST
};

/// Errors: std::invalid_argument, by name, for a header or method that is none, and for a header that the client makes
/// itself (Content-Length and so on).
void check(const request_options&);

/// The request of a client of `load`: without the body of an upload, which is spread over time, and with any other.
std::string request_text(const load_options& load, const server_address&, const request_options&);

}  // namespace lastcall::inline v0::testing
