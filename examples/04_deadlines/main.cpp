// A handler that asks others, each call bounded by its context: by libcurl, blocking and multi, and over a blocking
// socket. Whoever does not answer is given up after 500 ms, and the client of this server is told so.
//   deadlines UPSTREAM_PORT   asks what listens on that port of 127.0.0.1; listens on port 8085
#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/middleware.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

namespace {

CURLcode perform(CURL* call, const lastcall::context& ctx) {
  const int left = ctx.remaining_ms(10s);
  if (left == 0) return CURLE_OPERATION_TIMEDOUT;  // for libcurl 0 is "without end"
  curl_easy_setopt(call, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
  curl_easy_setopt(call, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(call, CURLOPT_QUICK_EXIT, 1L);  // waits for no resolver of names
  const auto is_over = [](void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> int {
    return static_cast<const lastcall::context*>(of)->forced();
  };
  curl_easy_setopt(call, CURLOPT_NOPROGRESS, 0L);  // so that it asks once a second at least
  curl_easy_setopt(call, CURLOPT_XFERINFODATA, const_cast<lastcall::context*>(&ctx));
  curl_easy_setopt(call, CURLOPT_XFERINFOFUNCTION, +is_over);
  return curl_easy_perform(call);
}

CURLcode perform_at_once(CURL* call, const lastcall::context& ctx) {
  const std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> all(curl_multi_init(), curl_multi_cleanup);
  const lastcall::stop_callback wake(ctx.forced_token(), [&] { curl_multi_wakeup(all.get()); });
  curl_easy_setopt(call, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(call, CURLOPT_QUICK_EXIT, 1L);
  curl_multi_add_handle(all.get(), call);
  int running = 1, unread = 0;
  while (!ctx.forced() && curl_multi_perform(all.get(), &running) == CURLM_OK && running > 0)
    curl_multi_poll(all.get(), nullptr, 0, ctx.remaining_ms(10s), nullptr);
  const CURLMsg* said = curl_multi_info_read(all.get(), &unread);
  const CURLcode result = said ? said->data.result : CURLE_OPERATION_TIMEDOUT;
  curl_multi_remove_handle(all.get(), call);
  return result;
}

std::string ask(int connected, std::string_view question, const lastcall::context& ctx) {
  // From then on send and recv return at once, also within a library that was given the socket.
  const lastcall::stop_callback cut(ctx.forced_token(), [=] { ::shutdown(connected, SHUT_RDWR); });
  ::send(connected, question.data(), question.size(), MSG_NOSIGNAL);
  std::string answer;
  char piece[4096];
  for (ssize_t n; (n = ::recv(connected, piece, sizeof piece, 0)) > 0;)
    answer.append(piece, static_cast<std::size_t>(n));
  if (ctx.forced()) throw lastcall::unavailable("the upstream did not answer in time");
  return answer;
}

using performs = CURLcode (*)(CURL*, const lastcall::context&);

http::response fetched(performs how, std::string url, const lastcall::context& ctx) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> call(curl_easy_init(), curl_easy_cleanup);
  std::string body;
  const auto keep = [](char* bytes, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(bytes, size * count);
    return size * count;
  };
  curl_easy_setopt(call.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(call.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(call.get(), CURLOPT_WRITEFUNCTION, +keep);
  const CURLcode done = how(call.get(), ctx);
  if (done != CURLE_OK) return http::problem(503, curl_easy_strerror(done));
  return http::text(body);
}

/// A connection to this machine; less than zero: there is none.
int connection_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto upstream = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  const std::string url = "http://127.0.0.1:" + std::to_string(upstream) + "/";
  curl_global_init(CURL_GLOBAL_ALL);
  lastcall::app app;
  http::router routes;
  routes.group("/bounded", [=](http::router& r) {
    r.get("/curl", http::blocking([=](const http::request&, lastcall::context ctx) {
            return fetched(perform, url, within(ctx, 500ms));
          }));
    r.get("/multi", http::blocking([=](const http::request&, lastcall::context ctx) {
            return fetched(perform_at_once, url, within(ctx, 500ms));
          }));
    r.get("/socket", http::blocking([=](const http::request&, lastcall::context ctx) {
            const int fd = connection_to(upstream);
            if (fd < 0) return http::problem(503, "nobody is there");
            const std::unique_ptr<const int, void (*)(const int*)> closes(&fd, [](const int* it) { ::close(*it); });
            return http::text(ask(fd, "GET / HTTP/1.0\r\n\r\n", within(ctx, 500ms)));
          }));
  });
  // The client is told 504, whatever the handler does; and the context of the call ends then.
  routes.group("/timed", [=](http::router& r) {
    r.use(http::timeout(500ms));
    r.get("/multi", http::blocking([=](const http::request&, lastcall::context ctx) {
            return fetched(perform_at_once, url, ctx);
          }));
  });
  // Only the drain end ends it.
  routes.get("/drain/multi", http::blocking([=](const http::request&, lastcall::context ctx) {
               return fetched(perform_at_once, url, ctx);
             }));
  app.add<http::server>("http", {.port = 8085, .routes = std::move(routes)});
  return app.run();
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 2;
}
