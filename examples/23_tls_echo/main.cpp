// Says back what it is sent, over TLS only: HTTP/2 to whoever agrees on it by ALPN, HTTP/1.1 to others. The handler
// knows nothing of either. Try it: tls_echo server.crt server.key; curl --cacert ca.crt --data hello
// https://localhost:8443/echo
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tls_echo CERTIFICATE_CHAIN KEY [PORT]\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(argc > 3 ? std::atoi(argv[3]) : 8443);
  lastcall::app app{{.grace = 20s, .sighup = lastcall::hangup::reload}};
  http::router routes;
  routes.post("/echo", http::handler([](const http::request& req) {
                         http::response same(200);
                         same.header("Content-Type", req.header("Content-Type"));
                         return same.body(std::string(req.body()));
                       }).max_body(4 * 1024 * 1024));
  // At SIGHUP the files are read again: connections that stand go on, new ones see the new certificate.
  const auto server = app.add<http::server>(
      "https",
      {.routes = std::move(routes), .tls_port = port, .tls = {.certificates = {{argv[1], argv[2]}}}, .tls_only = true});
  app.add("listening_lines",
          {.start =
               [server] {
                 std::printf("listening on https://localhost:%d\n", server->tls_address().port());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';  // a setting that can't work, and the remedy
  return 2;
}
