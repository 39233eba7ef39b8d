// One statement, many times: by the adapter and by libpq alone, blocking and not. bench/postgres counts what they cost.
// usage: postgres_query CONNINFO HOW COUNT SQL    $1 of the SQL is '7'
//   blocking, async, timed       the adapter: on a thread, as a coroutine, on a thread with a deadline for each query
//   params, poll, asio, timeout  libpq: PQexecParams; PQsendQueryParams and poll; the same and a coroutine's
//   async_wait;
//                                and poll with what is left of a deadline
#include <libpq-fe.h>
#include <poll.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

#include "lastcall/postgres_async.hpp"

namespace pg = lastcall::postgres;

namespace {

constexpr const char* value = "7";

constexpr std::chrono::seconds most(5);

int rows_by_adapter(const std::string& conninfo, int count, const char* sql) {
  const lastcall::context_source life;
  auto on = *pg::connection::open({}, {.conninfo = conninfo});
  int rows = 0;
  for (int i = 0; i < count; ++i) rows += on.query(life.get(), sql, value)->size();
  return rows;
}

int rows_by_adapter_in_time(const std::string& conninfo, int count, const char* sql) {
  const lastcall::context_source life;
  auto on = *pg::connection::open({}, {.conninfo = conninfo});
  int rows = 0;
  for (int i = 0; i < count; ++i) rows += on.query(within(life.get(), most), sql, value)->size();
  return rows;
}

int rows_by_coroutine(const std::string& conninfo, int count, const char* sql) {
  const lastcall::context_source life;
  auto native = *pg::connection::open({}, {.conninfo = conninfo});
  int rows = 0;
  boost::asio::io_context io(1);
  boost::asio::co_spawn(
      io,
      [&]() -> lastcall::task<> {
        pg::async_connection on(native);
        for (int i = 0; i < count; ++i) rows += (co_await on.query(life.get(), sql, value))->size();
      },
      [](std::exception_ptr why) {
        if (why) std::rethrow_exception(why);
      });
  io.run();
  return rows;
}

PGconn* connected(const std::string& conninfo) {
  PGconn* const on = PQconnectdb(conninfo.c_str());
  if (PQstatus(on) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(on));
  return on;
}

int rows_by_params(const std::string& conninfo, int count, const char* sql) {
  PGconn* const on = connected(conninfo);
  int rows = 0;
  for (int i = 0; i < count; ++i) {
    PGresult* const answer = PQexecParams(on, sql, 1, nullptr, &value, nullptr, nullptr, 0);
    rows += PQntuples(answer);
    PQclear(answer);
  }
  PQfinish(on);
  return rows;
}

/// Sends it, and takes what has come until nothing more comes. `wait` waits for the socket.
template <class Wait> int rows_of(PGconn* on, const char* sql, const Wait& wait) {
  if (PQsendQueryParams(on, sql, 1, nullptr, &value, nullptr, nullptr, 0) != 1)
    throw std::runtime_error(PQerrorMessage(on));
  int rows = 0;
  for (;;) {
    const int left = PQflush(on);
    if (PQisBusy(on) == 0) {
      PGresult* const answer = PQgetResult(on);
      if (answer == nullptr) return rows;
      rows += PQntuples(answer);
      PQclear(answer);
      continue;
    }
    pollfd watched{
        .fd = PQsocket(on), .events = static_cast<short>(left > 0 ? POLLIN | POLLOUT : POLLIN), .revents = 0};
    wait(watched);
    if (PQconsumeInput(on) != 1) throw std::runtime_error(PQerrorMessage(on));
  }
}

int rows_by_poll(const std::string& conninfo, int count, const char* sql) {
  PGconn* const on = connected(conninfo);
  PQsetnonblocking(on, 1);
  int rows = 0;
  for (int i = 0; i < count; ++i) rows += rows_of(on, sql, [](pollfd& watched) { poll(&watched, 1, -1); });
  PQfinish(on);
  return rows;
}

int rows_by_poll_in_time(const std::string& conninfo, int count, const char* sql) {
  PGconn* const on = connected(conninfo + " options='-c statement_timeout=" + std::to_string(most.count()) + "s'");
  PQsetnonblocking(on, 1);
  int rows = 0;
  for (int i = 0; i < count; ++i) {
    const auto end = std::chrono::steady_clock::now() + most;
    rows += rows_of(on, sql, [&](pollfd& watched) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      if (left <= 0 || poll(&watched, 1, static_cast<int>(left)) == 0) throw std::runtime_error("too late");
    });
  }
  PQfinish(on);
  return rows;
}

int rows_by_asio(const std::string& conninfo, int count, const char* sql) {
  PGconn* const on = connected(conninfo);
  PQsetnonblocking(on, 1);
  int rows = 0;
  boost::asio::io_context io(1);
  boost::asio::posix::stream_descriptor socket(io, PQsocket(on));
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        for (int i = 0; i < count; ++i) {
          if (PQsendQueryParams(on, sql, 1, nullptr, &value, nullptr, nullptr, 0) != 1)
            throw std::runtime_error(PQerrorMessage(on));
          for (;;) {
            if (PQisBusy(on) == 0) {
              PGresult* const answer = PQgetResult(on);
              if (answer == nullptr) break;
              rows += PQntuples(answer);
              PQclear(answer);
              continue;
            }
            co_await socket.async_wait(boost::asio::posix::descriptor_base::wait_read, boost::asio::use_awaitable);
            if (PQconsumeInput(on) != 1) throw std::runtime_error(PQerrorMessage(on));
          }
        }
      },
      [](std::exception_ptr why) {
        if (why) std::rethrow_exception(why);
      });
  io.run();
  socket.release();
  PQfinish(on);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string how = argv[2];
  const int count = std::atoi(argv[3]);
  const std::map<std::string, int (*)(const std::string&, int, const char*)> all{
      {"blocking", rows_by_adapter},    {"async", rows_by_coroutine}, {"timed", rows_by_adapter_in_time},
      {"params", rows_by_params},       {"poll", rows_by_poll},       {"asio", rows_by_asio},
      {"timeout", rows_by_poll_in_time}};
  const auto f = all.find(how);
  if (f == all.end()) return 2;
  std::printf("%d rows\n", f->second(argv[1], count, argv[4]));
}
