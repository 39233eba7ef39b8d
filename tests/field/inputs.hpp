// Programs after public bug reports of other projects, and as new users would write them: each is one function, and the
// first argument of the program `field` says which. What they ask of the library is in field_test.
#pragma once

#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

namespace field {

using arguments = std::vector<std::string>;

int catch_all_route(const arguments&);
int dropped_privileges(const arguments&);
int foreign_exception(const arguments&);
int forked_helper(const arguments&);
int io_context_with_threads(const arguments&);
int large_head(const arguments&);
int last_modified(const arguments&);
int no_descriptor_left(const arguments&);
int own_io_context(const arguments&);
int static_app_exit(const arguments&);
int thread_exit(const arguments&);

/// On a port of loopback that the kernel picks, or on `port`.
inline lastcall::http::server_options on_loopback(lastcall::http::router routes, std::uint16_t port = 0) {
  return {.address = "127.0.0.1", .port = port, .routes = std::move(routes)};
}

/// Prints "listening on http://127.0.0.1:PORT" once it serves, and `after` has started, too.
inline void say_where(lastcall::app& app, lastcall::handle<lastcall::http::server> server,
                      const lastcall::needs& after = {}) {
  lastcall::needs all = after;
  all.emplace_back(server);
  app.add("where",
          lastcall::functions{.start =
                                  [server] {
                                    std::printf("listening on http://%s\n",
                                                to_text(server->addresses().front()).c_str());
                                    std::fflush(stdout);
                                  }},
          all);
}

}  // namespace field
