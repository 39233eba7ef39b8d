// The testbed's command line. The contract with those who drive it: docs/testbed.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

namespace testbed {

struct options {
  lastcall::app_options app;
  lastcall::http::server_options http;  // all but the routes
  unsigned threads = 0;
  std::string upload_dir;
  lastcall::duration start_delay = {};
  bool close_at_once = false;  // --stop close
  std::optional<std::uint16_t> admin_port = {};
  std::optional<std::uint16_t> tcp_port = {};
  bool tcp_blocking = false;
};

/// Exits by itself: 0 after --help, 2 for what it does not understand, with a line that says what was meant.
options read(int argc, char** argv);

}  // namespace testbed
