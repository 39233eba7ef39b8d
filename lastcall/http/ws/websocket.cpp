#include "lastcall/http/ws/websocket.hpp"

#include <stdexcept>

#include "lastcall/http/ws/ws_session.hpp"

namespace lastcall::inline v0::ws {

namespace {

using detail::checked;
using detail::conversation;
using detail::opcode;
using detail::written;
using net::handler_side;

detail::session* session_of(const conversation& c) noexcept { return static_cast<detail::session*>(c.link->host()); }

/// One attempt to read. The link calls it until it returns true. So do the other two.
struct read_step {
  std::shared_ptr<conversation> shared;
  std::optional<message> result = {};

  bool operator()() {
    conversation& c = *shared;
    if ((result = c.take())) {
      if (auto* session = session_of(c)) session->on_message_taken();
      return true;
    }
    if (c.end != stream_end::none) return true;
    auto* session = session_of(c);
    if (!session) c.end = c.remote_code != 0 ? stream_end::remote : stream_end::gone;
    if (session && !session->reading_over(c.end)) return false;
    if (c.remote_code != 0) {
      c.reported_code = c.remote_code;
      c.reported_reason = c.remote_reason;
    }
    return true;
  }
};

struct write_step {
  std::shared_ptr<conversation> shared;
  opcode code;
  std::string_view payload;
  bool result = false;

  bool operator()() noexcept {
    auto* session = session_of(*shared);
    const written now = session ? session->put(code, payload) : written::never;
    result = now == written::yes;
    return now != written::not_yet;
  }
};

struct close_step {
  std::shared_ptr<conversation> shared;
  std::uint16_t code;
  std::string_view reason;
  bool result = false;

  bool operator()() noexcept {
    auto* session = session_of(*shared);
    if (session) session->begin_close(code, reason);
    result = shared->remote_code != 0;
    return !session || session->closed();
  }
};

template <class Step> bool finished_blocking(Step step) {
  step.shared->link->until_blocking([&step] { return step(); }, handler_side::writing);
  return step.result;
}

task<bool> writing(const std::shared_ptr<conversation>& c, opcode code, std::string_view payload) {
  return net::finished(c->link, write_step{c, code, payload}, handler_side::writing);
}

void check_close(std::uint16_t code, std::string_view reason) {
  if (!may_be_sent(code)) throw std::invalid_argument("close code " + std::to_string(code) + " may not be sent");
  if (reason.size() > detail::most_control_bytes - 2)
    throw std::invalid_argument("the reason of a Close has at most 123 bytes");
}

}  // namespace

opcode detail::checked(message_kind kind, std::string_view data) {
  if (kind == message_kind::binary) return opcode::binary;
  if (!lastcall::detail::is_utf8(data))
    throw std::invalid_argument("a WebSocket's text is UTF-8, and this is not; send it as binary");
  return opcode::text;
}

task<std::optional<message>> stream::read() { return net::finished(shared_->link, read_step{shared_}); }

task<bool> stream::write(const message& m) { return writing(shared_, checked(m.kind, m.data), m.data); }
task<bool> stream::write(std::string_view text) { return writing(shared_, checked(message_kind::text, text), text); }
task<bool> stream::write_binary(std::string_view bytes) { return writing(shared_, opcode::binary, bytes); }

task<bool> stream::ping(std::string_view data) {
  if (data.size() > detail::most_control_bytes) throw std::invalid_argument("a ping has at most 125 bytes");
  return writing(shared_, opcode::ping, data);
}

task<bool> stream::close(std::uint16_t code, std::string_view reason) {
  check_close(code, reason);
  return net::finished(shared_->link, close_step{shared_, code, reason}, handler_side::writing);
}

std::optional<message> stream::read_blocking() {
  read_step step{shared_};
  if (!shared_->link->until_blocking([&step] { return step(); }))
    static_cast<void>(step());  // the connection has ended: no other thread uses it
  if (!step.result && shared_->end == stream_end::none) shared_->end = stream_end::gone;  // the loop has ended
  return std::move(step.result);
}

bool stream::write_blocking(const message& m) {
  return finished_blocking(write_step{shared_, checked(m.kind, m.data), m.data});
}
bool stream::write_blocking(std::string_view text) {
  return finished_blocking(write_step{shared_, checked(message_kind::text, text), text});
}

bool stream::close_blocking(std::uint16_t code, std::string_view reason) {
  check_close(code, reason);
  return finished_blocking(close_step{shared_, code, reason});
}

const context& stream::life() const noexcept { return shared_->link->life(); }
const net::endpoint& stream::remote() const noexcept { return shared_->link->remote(); }
const std::string& stream::subprotocol() const noexcept { return shared_->subprotocol; }
stream_end stream::end() const noexcept { return shared_->end; }
std::uint16_t stream::remote_code() const noexcept { return shared_->reported_code; }
const std::string& stream::remote_reason() const noexcept { return shared_->reported_reason; }

}  // namespace lastcall::inline v0::ws
