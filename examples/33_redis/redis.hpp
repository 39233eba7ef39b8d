// Redis by hiredis, as an adapter of one's own: docs/guide/write-your-own-adapter.md shows all that is below.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "lastcall/pool.hpp"

namespace redis {

using namespace std::chrono_literals;
using connection = std::unique_ptr<redisContext, decltype([](redisContext* of) { redisFree(of); })>;
using reply = std::unique_ptr<redisReply, decltype([](redisReply* of) { freeReplyObject(of); })>;
using pool = lastcall::pool<connection>;

inline timeval time_left(const lastcall::context& with) {  // never zero, which hiredis takes for "for ever"
  const auto us = std::chrono::ceil<std::chrono::microseconds>(std::max<lastcall::duration>(with.remaining(1min), 1ms));
  return {.tv_sec = us.count() / 1'000'000, .tv_usec = us.count() % 1'000'000};
}

inline pool::options at(std::string host, int port) {
  return {.open =
              [host = std::move(host), port](const lastcall::context& by) {
                connection made(redisConnectWithTimeout(host.c_str(), port, time_left(lastcall::within(by, 5s))));
                if (!made || made->err != 0) throw std::runtime_error(made ? made->errstr : "no memory");
                return made;
              },
          .check =
              [](connection& of) {  // idle means that there is nothing to read, not even an end
                char byte = 0;
                return of->err == 0 && recv(of->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
              },
          .cancel = [](connection& of) { shutdown(of->fd, SHUT_RDWR); }};  // wakes the thread that reads
}

/// Blocks until the answer is here, or the context has ended. Then the connection is broken, and is replaced.
template <class... A> reply ask(pool& of, const lastcall::context& with, const char* command, const A&... values) {
  const auto on = *of.acquire(with);  // throws: the server answers 503
  on.label(command);
  redisSetTimeout(on->get(), time_left(with));
  const lastcall::stop_callback cut(with.forced_token(), [&] { shutdown((*on)->fd, SHUT_RDWR); });
  reply answer(static_cast<redisReply*>(redisCommand(on->get(), command, values...)));
  if (!answer) throw lastcall::unavailable(std::string("redis: ") + (*on)->errstr);
  if (answer->type == REDIS_REPLY_ERROR) throw std::runtime_error(std::string("redis: ") + answer->str);
  return answer;
}

}  // namespace redis
