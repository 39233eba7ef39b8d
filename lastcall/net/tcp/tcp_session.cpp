#include "lastcall/net/tcp/tcp_session.hpp"

#include <algorithm>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/net/connection/connection_set.hpp"

namespace lastcall::inline v0::net {

namespace {
constexpr duration second_look = std::chrono::milliseconds(10);
}  // namespace

tcp_session::tcp_session(connection_set& set, arrival it, std::shared_ptr<tcp_service> of)
    : session(set, std::move(it.socket), it.remote, connection_kind::tcp, of->options.limits),
      service_(std::move(of)),
      refusing_(it.refusing) {
  renew_deadline();
  // Posted, since a session that the set has not adopted yet cannot end.
  link()->post([](session& s) {
    if (!static_cast<tcp_session&>(s).opening()) static_cast<tcp_session&>(s).begin();
  });
}

void tcp_session::on_open() noexcept {
  link()->set_remote(remote());
  renew_deadline();
  begin();
  if (state() == connection_state::upgraded) session::on_readable();
}

void tcp_session::begin() noexcept {
  if (handler_begun_) return;
  handler_begun_ = true;
  if (refusing_) return leave_when_sent();
  const session_handler& h = service_->options.handler;
  try {
    tcp_stream stream(link());
    if (!h.blocks()) {
      // The coroutine keeps the service, since the server may end before the handler returns.
      run([](tcp_stream s, std::shared_ptr<tcp_service> kept) -> task<> {
        co_await kept->options.handler.run(std::move(s));
      }(std::move(stream), service_));
      return;
    }
    if (run_on(service_->pool, [s = std::move(stream), kept = service_]() mutable {
          kept->options.handler.run_blocking(std::move(s));
        }))
      return;
    service_->log.warning(service_->options.name, "a session was refused: all threads are busy");
  } catch (const std::exception& error) {
    service_->log.error(service_->options.name, "a session was refused", {{"cause", error.what()}});
  }
  leave_when_sent();
}

bool tcp_session::is_quiet(duration quiet, time_point since) noexcept {
  const time_point now = set().loop().refresh_now();
  const time_point until = lastcall::detail::later(since, quiet);
  const bool over = now >= until;
  // The loop may have been busy for longer than that. Bytes that arrived meanwhile are read before the second look.
  if (over && std::exchange(looked_, true)) return true;
  set().loop().schedule(wake_up_, over ? now + second_look : until);
  return false;
}

bool tcp_session::was_quiet(std::optional<duration> quiet) noexcept {
  const duration least = quiet.value_or(service_->options.idle_drain_after);
  if (least <= duration::zero()) return true;
  if (!quiet) return is_quiet(least, last_byte());
  if (quiet_since_ == time_point{}) quiet_since_ = set().loop().refresh_now();
  return is_quiet(least, quiet_since_);
}

bool tcp_session::take(std::optional<char> delimiter, std::string& into, stream_end& over,
                       std::optional<duration> quiet) noexcept {
  const std::string_view all = input();
  std::size_t size = all.size(), used = size;
  if (delimiter) {
    const std::size_t at = all.find(*delimiter, std::min(searched_, all.size()));
    searched_ = at == all.npos ? all.size() : 0;
    size = at == all.npos ? 0 : at;
    used = at == all.npos ? 0 : at + 1;
  }
  if (used > 0) {
    quiet_since_ = {};
    looked_ = false;
    into.assign(all.substr(0, size));
    consume(used);
    read_more();
    return true;
  }
  if (input_over()) {
    over = stream_end::remote;
  } else if (all.size() >= limits().input_bytes) {
    over = stream_end::too_long;
  } else if (remote_time_over()) {
    over = stream_end::timed_out;
  } else if (told() && all.empty() && was_quiet(quiet)) {
    over = stream_end::draining;
    quiet_since_ = {};  // read_on begins anew
    looked_ = false;
  }
  return false;
}

std::size_t tcp_session::put(std::string_view bytes) noexcept {
  if (!room()) return 0;
  const std::size_t some = std::min(bytes.size(), limits().output_bytes);
  send(bytes.substr(0, some));
  return some;
}

void tcp_session::on_handler_over(std::exception_ptr error) noexcept {
  if (error)
    service_->log.error(service_->options.name, "a session's handler threw", {{"what", lastcall::to_text(error)}});
  if (!draining() && !input_over()) expect_more();
  leave_when_sent(remote_time_over() ? connection_end::timed_out
                  : input_over()     ? connection_end::by_remote
                                     : connection_end::clean);
}

}  // namespace lastcall::inline v0::net
