#include "lastcall/net/tcp/tcp_stream.hpp"

#include "lastcall/net/tcp/tcp_session.hpp"

namespace lastcall::inline v0::net {

/// Shared with the steps, since a coroutine that the handler started may outlive handler and session.
struct tcp_stream::state {
  explicit state(std::shared_ptr<session_link> l) noexcept : link(std::move(l)) {}

  const std::shared_ptr<session_link> link;
  std::string piece;
  std::optional<duration> quiet;  // of read_on
  stream_end end = stream_end::none;
};

/// The step of one read; see session_link::until. It runs on the loop.
struct tcp_stream::read_step {
  std::shared_ptr<state> stream;
  std::optional<char> delimiter;
  std::optional<std::string_view> result = {};

  bool operator()() noexcept {
    if (stream->end != stream_end::none) return true;
    auto* host = static_cast<tcp_session*>(stream->link->host());
    if (!host) {
      stream->end = stream_end::gone;
      return true;
    }
    if (host->take(delimiter, stream->piece, stream->end, stream->quiet)) result = stream->piece;
    return result || stream->end != stream_end::none;
  }

  std::optional<std::string_view> block() {
    if (!stream->link->until_blocking([this] { return (*this)(); }) && stream->end == stream_end::none)
      stream->end = stream_end::gone;
    return result;
  }
};

namespace {

/// The step of one write, with the bytes that are left of it.
struct write_step {
  session_link* link;
  std::string_view bytes;
  bool result = false;  // all were sent

  bool operator()() noexcept {
    for (;;) {
      auto* host = static_cast<tcp_session*>(link->host());
      if (!host || host->remote_time_over()) return true;
      if (bytes.empty()) return result = true;
      const std::size_t taken = host->put(bytes);
      bytes.remove_prefix(taken);
      if (taken == 0) return false;
    }
  }
};

}  // namespace

tcp_stream::tcp_stream(std::shared_ptr<session_link> link) : state_(std::make_shared<state>(std::move(link))) {}

task<std::optional<std::string_view>> tcp_stream::read() {
  return finished(state_->link, read_step{state_, std::nullopt});
}

task<std::optional<std::string_view>> tcp_stream::read_until(char delimiter) {
  return finished(state_->link, read_step{state_, delimiter});
}

task<bool> tcp_stream::write(std::string_view bytes) {
  return finished(state_->link, write_step{state_->link.get(), bytes});
}

std::optional<std::string_view> tcp_stream::read_blocking() { return read_step{state_, std::nullopt}.block(); }
std::optional<std::string_view> tcp_stream::read_until_blocking(char delimiter) {
  return read_step{state_, delimiter}.block();
}

bool tcp_stream::write_blocking(std::string_view bytes) {
  write_step left{state_->link.get(), bytes};
  state_->link->until_blocking([&left] { return left(); });
  return left.result;
}

void tcp_stream::read_on(duration quiet) noexcept {
  state_->quiet = quiet;
  if (state_->end == stream_end::draining) state_->end = stream_end::none;
}

stream_end tcp_stream::end() const noexcept { return state_->end; }

const context& tcp_stream::life() const noexcept { return state_->link->life(); }
const endpoint& tcp_stream::remote() const noexcept { return state_->link->remote(); }

}  // namespace lastcall::inline v0::net
