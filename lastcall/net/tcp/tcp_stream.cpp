#include "lastcall/net/tcp/tcp_stream.hpp"

#include "lastcall/net/tcp/tcp_session.hpp"

namespace lastcall::inline v0::net {

/// The step of one read; see session_link::until. It runs on the loop. Keeps the stream, since a coroutine that the
/// handler started may outlive handler and session.
struct tcp_stream::read_step {
  std::shared_ptr<tcp_stream> stream;
  std::optional<char> delimiter;
  std::optional<std::string_view> result = {};

  bool operator()() noexcept {
    if (stream->end_ != read_end::none) return true;
    auto* host = static_cast<tcp_session*>(stream->link_->host());
    if (!host) {
      stream->end_ = read_end::gone;
      return true;
    }
    if (host->take(delimiter, stream->piece_, stream->end_, stream->quiet_)) result = stream->piece_;
    return result || stream->end_ != read_end::none;
  }

  std::optional<std::string_view> block() {
    if (!stream->link_->until_blocking([this] { return (*this)(); }) && stream->end_ == read_end::none)
      stream->end_ = read_end::gone;
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

task<std::optional<std::string_view>> tcp_stream::read() {
  return finished(link_, read_step{shared_from_this(), std::nullopt});
}

task<std::optional<std::string_view>> tcp_stream::read_until(char delimiter) {
  return finished(link_, read_step{shared_from_this(), delimiter});
}

task<bool> tcp_stream::write(std::string_view bytes) { return finished(link_, write_step{link_.get(), bytes}); }

std::optional<std::string_view> tcp_stream::read_blocking() {
  return read_step{shared_from_this(), std::nullopt}.block();
}
std::optional<std::string_view> tcp_stream::read_until_blocking(char delimiter) {
  return read_step{shared_from_this(), delimiter}.block();
}

bool tcp_stream::write_blocking(std::string_view bytes) {
  write_step left{link_.get(), bytes};
  link_->until_blocking([&left] { return left(); });
  return left.result;
}

void tcp_stream::read_on(duration quiet) noexcept {
  quiet_ = quiet;
  if (end_ == read_end::draining) end_ = read_end::none;
}

const context& tcp_stream::life() const noexcept { return link_->life(); }
const endpoint& tcp_stream::remote() const noexcept { return link_->remote(); }

}  // namespace lastcall::inline v0::net
