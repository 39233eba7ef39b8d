#include "lastcall/adapters/postgres/connection_state.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <string_view>
#include <utility>

namespace lastcall::inline v0::postgres::detail {

connection_state::connection_state(const connection_options& with, std::shared_ptr<connection_group> of)
    : how(with),
      group(std::move(of)),
      wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wakes(life.forced_token(), [fd = wake] { eventfd_write(fd, 1); }) {}

connection_state::~connection_state() {
  caller_wakes.reset();  // it uses `wake`
  PQfinish(native);
  if (wake >= 0) close(wake);
}

void connection_state::opened() {
  calm();
  backend = {.number = PQbackendPID(native), .server = server_of(native)};
  fallback = std::shared_ptr<PGcancel>(PQgetCancel(native), [](PGcancel* of) { PQfreeCancel(of); });
  PQsetnonblocking(native, 1);
  PQsetNoticeReceiver(
      native,
      [](void* to, const PGresult* notice) {
        auto& of = *static_cast<connection_state*>(to);
        const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (severity != nullptr && std::string_view(severity) == "FATAL") of.given_up = true;  // it closes it now
        const char* const text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
        of.group->log.debug(of.how.name, "notice of the server", {{"text", text != nullptr ? text : ""}});
      },
      this);
}

void connection_state::wake_at(stop_token until) {
  if (until == watched) return;
  caller_wakes.reset();
  if (told.exchange(false)) calm();
  watched = std::move(until);
  caller_wakes.emplace(watched, function<void()>([this] {
                         told = true;
                         eventfd_write(wake, 1);
                       }));
}

void connection_state::calm() noexcept {
  if (life.forced()) return;
  eventfd_t ignored = 0;
  eventfd_read(wake, &ignored);
}

}  // namespace lastcall::inline v0::postgres::detail
