// For tests of the server over TLS: its routes, its options, and an authority that both sides trust.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::inline v0::http::testing_tls {

using testing_net::authority;
using testing_net::tls_client;

inline constexpr std::uint64_t many_bytes = 20'000'000;

inline router routes(const std::string& file = {}) {
  router r;
  r.get("/unreadable", [](const request&) {
    const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
    return detail::response_access::with(response(200), {.length = 10, .file = net::unique_fd(folder)});
  });
  r.get("/", [](const request& q) { return text(q.secure() ? "secure\n" : "plain\n"); });
  r.get("/who", [](const request& q) { return text(std::string(q.client_certificate()) + "|" + q.remote() + "\n"); });
  r.get("/big", [](const request&) {
    return streamed(
        [](body_writer to) -> task<> {
          const std::string piece(100'000, 'x');
          for (std::uint64_t i = 0; i < many_bytes / piece.size(); ++i) co_await to.write(piece);
        },
        many_bytes);
  });
  r.get("/slow", [](const request&, context ctx) -> task<response> {
    co_await net::wait_until_forced_for(ctx, std::chrono::milliseconds(50));
    co_return text("slow\n");
  });
  r.get("/file", [file](const request& q) { return http::file(q, file); });
  r.post("/upload", [](const request&, body_stream in) -> task<response> {
    std::uint64_t bytes = 0;
    unsigned sum = 0;
    while (const auto piece = co_await in.read()) {
      bytes += piece->size();
      for (const char c : *piece) sum = sum * 31 + static_cast<unsigned char>(c);
    }
    co_return text(std::to_string(bytes) + " " + std::to_string(sum) + "\n");
  });
  return r;
}

struct tls_serving : ::testing::Test {
  server_options options(net::tls_options tls = {}) {
    if (tls.certificates.empty()) tls.certificates = {{keys.chain, keys.key, {}}};
    return {.routes = routes(file), .tls_port = 0, .tls = std::move(tls)};
  }
  tls_client enters(const serving_test& to, tls_client::wish wanted = {}) {
    if (wanted.ca_file.empty()) wanted.ca_file = ca.ca_file();
    return tls_client(to.it.tls_address(), std::move(wanted));
  }
  std::string fields(const serving_test& of) {
    component_report r;
    of.it.account(r);
    std::string all;
    for (const auto& [name, value] : r.fields)
      if (const auto* number = std::get_if<std::int64_t>(&value)) all += name + "=" + std::to_string(*number) + " ";
    return all;
  }

  authority ca;
  authority::files keys = ca.issue({.common_name = "first"}, "first");
  std::string file;
};

}  // namespace lastcall::inline v0::http::testing_tls
