#include "lastcall/adapters/postgres/wire.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace lastcall::inline v0::postgres::detail {

wanted step_of_opening(PGconn* of) noexcept {
  switch (PQconnectPoll(of)) {
    case PGRES_POLLING_READING:
      return wanted::read;
    case PGRES_POLLING_WRITING:
      return wanted::write;
    case PGRES_POLLING_OK:
      return wanted::nothing;
    default:
      return wanted::failed;
  }
}

wanted step_of_query(PGconn* of) noexcept {
  if (PQisBusy(of) == 0) return wanted::nothing;
  const int left = PQflush(of);
  if (left < 0) return wanted::failed;
  return left > 0 ? wanted::write : wanted::read;
}

bool wait(PGconn* of, wanted what, time_point by, int wake) noexcept {
  pollfd watched[]{{.fd = PQsocket(of),
                    .events = static_cast<short>(what == wanted::write ? POLLIN | POLLOUT : POLLIN),
                    .revents = 0},
                   {.fd = wake, .events = POLLIN, .revents = 0}};
  for (;;) {
    int timeout = -1;
    if (by != time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(by - steady().now()).count();
      timeout = static_cast<int>(std::clamp<long>(left, 0, std::numeric_limits<int>::max()));
    }
    const int ready = poll(watched, wake >= 0 ? 2 : 1, timeout);
    if (ready > 0) return true;
    if (ready == 0 && timeout >= 0 && steady().now() >= by) return false;
    if (ready < 0 && errno != EINTR) return true;  // the next step says what is wrong
  }
}

bool open(PGconn* of, time_point by, int wake) noexcept {
  if (of == nullptr || PQstatus(of) == CONNECTION_BAD) return false;
  for (wanted next = wanted::write; next != wanted::nothing; next = step_of_opening(of)) {
    if (next == wanted::failed || !wait(of, next, by, wake)) return false;
    if (wake >= 0) {
      pollfd told{.fd = wake, .events = POLLIN, .revents = 0};
      if (poll(&told, 1, 0) > 0) return false;
    }
  }
  return true;
}

const char* message_of(const PGconn* of, char (&into)[512]) noexcept {
  const char* from = PQerrorMessage(of);
  std::size_t at = 0;
  for (; *from != '\0' && at + 1 < sizeof into; ++from) into[at++] = *from == '\n' || *from == '\t' ? ' ' : *from;
  while (at > 0 && into[at - 1] == ' ') --at;
  into[at] = '\0';
  return into;
}

}  // namespace lastcall::inline v0::postgres::detail
