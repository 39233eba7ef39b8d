// One statement, many times: by the adapter and by libpq alone, blocking and not. bench/postgres counts what they cost.
// usage: postgres_query CONNINFO (blocking | params | async | poll) COUNT SQL    $1 of the SQL is '7'
#include <libpq-fe.h>
#include <poll.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "lastcall/postgres_async.hpp"

namespace pg = lastcall::postgres;

namespace {

constexpr const char* value = "7";

int rows_by_adapter(const std::string& conninfo, int count, const char* sql) {
  const lastcall::context_source life;
  auto on = *pg::connection::open({}, {.conninfo = conninfo});
  int rows = 0;
  for (int i = 0; i < count; ++i) rows += on.query(life.get(), sql, value)->size();
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

int rows_by_poll(const std::string& conninfo, int count, const char* sql) {
  PGconn* const on = connected(conninfo);
  PQsetnonblocking(on, 1);
  int rows = 0;
  for (int i = 0; i < count; ++i) {
    if (PQsendQueryParams(on, sql, 1, nullptr, &value, nullptr, nullptr, 0) != 1)
      throw std::runtime_error(PQerrorMessage(on));
    for (;;) {
      const int left = PQflush(on);
      if (PQisBusy(on) == 0) {
        PGresult* const answer = PQgetResult(on);
        if (answer == nullptr) break;
        rows += PQntuples(answer);
        PQclear(answer);
        continue;
      }
      pollfd watched{
          .fd = PQsocket(on), .events = static_cast<short>(left > 0 ? POLLIN | POLLOUT : POLLIN), .revents = 0};
      poll(&watched, 1, -1);
      if (PQconsumeInput(on) != 1) throw std::runtime_error(PQerrorMessage(on));
    }
  }
  PQfinish(on);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string how = argv[2];
  const int count = std::atoi(argv[3]);
  const auto f = how == "blocking" ? rows_by_adapter
                 : how == "async"  ? rows_by_coroutine
                 : how == "params" ? rows_by_params
                                   : rows_by_poll;
  std::printf("%d rows\n", f(argv[1], count, argv[4]));
}
