#include "lastcall/net/tcp/tcp_stream.hpp"

#include <utility>

#include "lastcall/net/tcp/tcp_session.hpp"

namespace lastcall::inline v0::net {

/// The step of one read; see session_link::until. It runs on the loop.
struct tcp_stream::read_step {
  tcp_stream* stream;
  std::optional<char> delimiter;

  bool operator()() const noexcept {
    stream->got_ = false;
    if (stream->end_ != read_end::none) return true;
    auto* host = static_cast<tcp_session*>(stream->link_->host());
    if (!host) {
      stream->end_ = read_end::gone;
      return true;
    }
    stream->got_ = host->take(delimiter, stream->piece_, stream->end_, stream->quiet_);
    return stream->got_ || stream->end_ != read_end::none;
  }
};

namespace {

/// The step of one write, with the bytes that are left of it.
struct write_step {
  session_link* link;
  std::string_view bytes;
  bool sent = false;

  bool operator()() noexcept {
    for (;;) {
      auto* host = static_cast<tcp_session*>(link->host());
      if (!host || host->remote_time_over()) return true;
      if (bytes.empty()) return sent = true;
      const std::size_t taken = host->put(bytes);
      bytes.remove_prefix(taken);
      if (taken == 0) return false;
    }
  }
};

}  // namespace

std::optional<std::string_view> tcp_stream::given() const noexcept {
  if (!got_) return std::nullopt;
  return piece_;
}

task<std::optional<std::string_view>> tcp_stream::read() {
  co_await link_->until(read_step{this, std::nullopt});
  co_return given();
}

task<std::optional<std::string_view>> tcp_stream::read_until(char delimiter) {
  co_await link_->until(read_step{this, delimiter});
  co_return given();
}

task<bool> tcp_stream::write(std::string_view bytes) {
  write_step left{link_.get(), bytes};
  co_await link_->until([&left] { return left(); });
  co_return left.sent;
}

std::optional<std::string_view> tcp_stream::read_blocking() {
  if (!link_->until_blocking(read_step{this, std::nullopt}) && end_ == read_end::none) end_ = read_end::gone;
  return given();
}

std::optional<std::string_view> tcp_stream::read_until_blocking(char delimiter) {
  if (!link_->until_blocking(read_step{this, delimiter}) && end_ == read_end::none) end_ = read_end::gone;
  return given();
}

bool tcp_stream::write_blocking(std::string_view bytes) {
  write_step left{link_.get(), bytes};
  link_->until_blocking([&left] { return left(); });
  return left.sent;
}

void tcp_stream::read_on(duration quiet) noexcept {
  quiet_ = quiet;
  if (end_ == read_end::draining) end_ = read_end::none;
}

const context& tcp_stream::life() const noexcept { return link_->life(); }
const endpoint& tcp_stream::remote() const noexcept { return link_->remote(); }

}  // namespace lastcall::inline v0::net
