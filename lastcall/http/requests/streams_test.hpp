// For tests of bodies that stream: a server with a route for each way to take or to make one, and what its handlers
// saw.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/handler.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::inline v0::http::testing_streams {

using testing_net::generous;

inline std::string post(std::string_view target, std::string_view more = "") {
  return request_for(target, more, "POST");
}
inline std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return std::string(size).append(bytes).append("\r\n");
}

/// What handlers have seen; they run on the server's threads.
struct seen {
  std::atomic<int> causes[5] = {};
  std::atomic<int> begun{0}, pieces{0}, failures{0}, last_status{-1}, makers_over{0};
  std::shared_ptr<int> in_maker = std::make_shared<int>(0);
  std::atomic<std::uint64_t> written{0};
  int count(cause c) const { return causes[static_cast<int>(c)]; }
};

/// Counts the end of a scope that has no other.
struct ends_by_exception {
  explicit ends_by_exception(std::atomic<int>& of) : count(of) {}
  ~ends_by_exception() { ++count; }
  ends_by_exception& operator=(ends_by_exception&&) = delete;
  std::atomic<int>& count;
};

struct streams : serving_test {
  explicit streams(server_options o = {}) : serving_test(with_routes(std::move(o))) {}

  server_options with_routes(server_options o) {
    router& r = o.routes;
    r.get("/async", [](const request&) -> task<response> { co_return text("hello\n"); });
    r.get("/wait", [this](const request&, context c) -> task<response> {
      ++saw.begun;
      const bool in_time = co_await net::wait_until_forced_for(c, generous);
      ++saw.causes[static_cast<int>(c.cause())];
      co_return text(in_time ? "waited" : to_text(c.cause()));
    });
    r.get("/pause", [](const request&, context c) -> task<response> {
      co_await net::wait_until_forced_for(c, std::chrono::milliseconds(20));
      co_return text("paused");
    });
    r.get("/wait-fin", handler([this](const request&, context c) -> task<response> {
                         ++saw.begun;
                         co_await net::wait_until_forced_for(c, generous);
                         ++saw.causes[static_cast<int>(c.cause())];
                         co_return text(to_text(c.cause()));
                       }).gone_at_fin());
    r.get("/block-until-gone", blocking([this](const request&, context c) {
            ++saw.begun;
            c.wait_until_forced_for(generous);
            ++saw.causes[static_cast<int>(c.cause())];
            return text(to_text(c.cause()));
          }));
    r.post("/sum", [this](const request&, body_stream in) -> task<response> {
      std::uint64_t bytes = 0;
      try {
        while (const auto piece = co_await in.read()) {
          bytes += piece->size();
          ++saw.pieces;
        }
      } catch (const body_error& error) {
        ++saw.failures;
        saw.last_status = error.status();
        throw;
      }
      co_return text(std::to_string(bytes)).header("X-Sum", in.trailer("sum"));
    });
    r.post("/sum-small", handler([](const request&, body_stream in) -> task<response> {
                           while (co_await in.read()) {}
                           co_return text("all\n");
                         }).max_body(10));
    r.post("/sum-blocking", blocking([](const request&, body_stream in) {
             std::uint64_t bytes = 0;
             while (const auto piece = in.read_blocking()) bytes += piece->size();
             return text(std::to_string(bytes));
           }));
    r.post("/ignore", [](const request&, body_stream) -> task<response> { co_return text("ignored\n"); });
    r.post("/buffered", [](const request& req) { return text(std::to_string(req.body().size())); });
    r.get("/made/{pieces}", [this](const request& req) {
      const int pieces = std::stoi(std::string(req.param("pieces")));
      return streamed(
          [this, pieces](body_writer to) -> task<> {
            const std::string piece(10'000, 'x');
            for (int i = 0; i < pieces; ++i) {
              if (co_await to.write(piece)) saw.written += piece.size();
            }
            to.trailer("X-End", "yes");
            ++saw.makers_over;
          },
          req.has_header("X-Length") ? std::optional<std::uint64_t>(10'000ULL * static_cast<unsigned>(pieces))
                                     : std::nullopt);
    });
    r.get("/made-blocking/{pieces}", [this](const request& req) {
      const int pieces = std::stoi(std::string(req.param("pieces")));
      return streamed_blocking([this, pieces](body_writer to) {
        const std::string piece(10'000, 'x');
        for (int i = 0; i < pieces; ++i) {
          if (to.write_blocking(piece)) saw.written += piece.size();
        }
        ++saw.makers_over;
      });
    });
    r.get("/endless", [this](const request&) {
      return streamed([this](body_writer to) -> task<> {
        const ends_by_exception counts(saw.failures);
        for (const std::string piece(10'000, 'x');;) co_await to.write(piece);
      });
    });
    r.get("/endless-blocking", [this](const request&) {
      return streamed_blocking([this](body_writer to) {
        const ends_by_exception counts(saw.failures);
        for (const std::string piece(10'000, 'x');;) to.write_blocking(piece);
      });
    });
    r.get("/breaks", [](const request& req) {
      return streamed(
          [](body_writer to) -> task<> {
            co_await to.write("half");
            throw std::runtime_error("asked to break");
          },
          req.has_header("X-Length") ? std::optional<std::uint64_t>(8) : std::nullopt);
    });
    r.get("/too-short",
          [](const request&) { return streamed([](body_writer to) -> task<> { co_await to.write("half"); }, 8); });
    r.get("/too-long", [](const request&) {
      return streamed([](body_writer to) -> task<> { co_await to.write("more than this"); }, 8);
    });
    r.get("/too-long-blocking", [](const request&) {
      return streamed_blocking([](body_writer to) { to.write_blocking("more than this"); }, 8);
    });
    r.post("/echo", [this](const request&, body_stream in) -> task<response> {
      co_return streamed([in = std::move(in), owned = saw.in_maker](body_writer to) mutable -> task<> {
        while (const auto piece = co_await in.read()) co_await to.write(*piece);
      });
    });
    r.get("/", [](const request&) { return text("hello\n"); });
    r.post("/late", [this](const request&, body_stream in) -> task<response> {
      boost::asio::co_spawn(co_await boost::asio::this_coro::executor, read_late(std::move(in)), boost::asio::detached);
      co_return text("answered\n");
    });
    r.get("/mid", [](const request&) { return text(std::string(1'000'000, 'm')); });
    r.get("/odd-error", [](const request&) -> task<response> {
      throw body_error(9999, "no status");
      co_return text("");
    });
    return o;
  }

  /// Reads when the request is over.
  task<> read_late(body_stream in) {
    co_await net::wait_until_forced_for({}, std::chrono::milliseconds(20));
    EXPECT_EQ(in.length(), std::nullopt);
    EXPECT_EQ(in.trailer("sum"), "");
    try {
      co_await in.read();
    } catch (const body_error& error) {
      saw.last_status = error.status();
    }
    ++saw.failures;
  }

  seen saw;
};

}  // namespace lastcall::inline v0::http::testing_streams
