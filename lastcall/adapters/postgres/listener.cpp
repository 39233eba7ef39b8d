#include "lastcall/adapters/postgres/listener.hpp"

#include <memory>
#include <stdexcept>

#include "lastcall/adapters/postgres/listener_talk.hpp"

namespace lastcall::inline v0::postgres {

std::string listener::statement_for(connection& on, const std::string& channel) {
  detail::whole(channel, "the name of a channel");
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
      PQescapeIdentifier(on.native_handle(), channel.data(), channel.size()), &PQfreemem);
  if (quoted) return std::string("listen ") + quoted.get();
  char buffer[512];
  throw std::invalid_argument("the name of a channel: " + std::string(detail::message_of(on.native_handle(), buffer)));
}

result<listener, error> listener::begin(const context& with, connection& on, const std::string& channel) {
  return begun(on, on.query(with, statement_for(on, channel).c_str()));
}

result<listener, error> listener::begun(connection& on, result<rows, error> answer) {
  if (!answer) return answer.error();
  return listener(on);
}

result<std::optional<notification>, error> listener::next(const context& with) {
  detail::listener_talk what(detail::connection_access::state_of(*it_.held()), with);
  detail::connection_access::drive(*it_.held(), what);
  auto answer = what.answer();
  return came(with, what.heard(), std::move(answer));
}

result<std::optional<notification>, error> listener::came(const context& with, std::optional<notification> heard,
                                                          result<rows, error> answer) {
  if (heard) return heard;
  if (answer || (with.draining() && answer.error().why() != error::reason::connection))
    return std::optional<notification>();
  return answer.error();
}

namespace detail {

bool listener_talk::send() {
  state().heard_all = false;
  return true;
}

/// Once: otherwise a busy channel would hold up the end.
void listener_talk::read_the_rest() {
  if (!std::exchange(state().heard_all, true)) PQconsumeInput(native());
}

talk::step listener_talk::cut() {
  read_the_rest();
  advance();
  return stop_here();
}

bool listener_talk::is_answered() {
  if (drains_.forced() || state().life.forced()) return false;
  read_the_rest();
  return advance() == wanted::nothing;
}

wanted listener_talk::advance() {
  const std::unique_ptr<PGnotify, decltype(&PQfreemem)> next(PQnotifies(native()), &PQfreemem);
  if (!next) return wanted::read;
  heard_.emplace(notification{.channel = next->relname, .text = next->extra, .backend = next->be_pid});
  return wanted::nothing;
}

}  // namespace detail

}  // namespace lastcall::inline v0::postgres
