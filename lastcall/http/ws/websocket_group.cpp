#include "lastcall/http/ws/websocket_group.hpp"

#include <string>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/http/ws/ws_session.hpp"

namespace lastcall::inline v0::ws {

struct group::member final : net::broadcast::member {
  member(std::shared_ptr<net::session_link> l, const options& o) noexcept
      : link(std::move(l)), most(o.member_bytes), slow(o.slow) {}

  bool post(function<void()> f) override { return link->post_to_loop(std::move(f)); }
  bool is_here() noexcept override { return link->is_here(); }
  bool take(const std::string& frame) noexcept override {
    auto* const to = static_cast<detail::session*>(link->host());
    return !to || to->push(frame, most, slow);
  }

  const std::shared_ptr<net::session_link> link;
  const std::size_t most;
  const slow_member slow;
};

group::group(options o) : options_(o), all_(o.queue_bytes) {
  const lastcall::detail::option_check allowed("WebSocket group");
  allowed.number("member_bytes", o.member_bytes, 1, allowed.most_bytes);
  allowed.number("queue_bytes", o.queue_bytes, 1, allowed.most_bytes);
}

group::membership group::join(const stream& s) {
  const auto& link = s.shared_->link;
  return all_.join(link->loop(), std::make_shared<member>(link, options_));
}

bool group::send(message_kind kind, std::string_view data) {
  std::string frame;
  detail::append_frame(frame, detail::checked(kind, data), data);
  return all_.send(std::move(frame));
}

}  // namespace lastcall::inline v0::ws
