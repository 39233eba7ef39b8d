// Waits for what the server says by itself.
#pragma once

#include <optional>
#include <utility>

#include "lastcall/adapters/postgres/listener.hpp"
#include "lastcall/adapters/postgres/talk.hpp"

namespace lastcall::inline v0::postgres::detail {

class listener_talk final : public talk {
 public:
  listener_talk(connection_state& on, const context& with) noexcept : talk(on, with), drains_(with) {}

  std::optional<notification> heard() { return std::exchange(heard_, std::nullopt); }
  stop_token ends_with() const noexcept override { return drains_.draining_token(); }

 private:
  bool send() override;
  wanted advance() override;
  step cut() override;
  bool is_answered() override;
  void read_the_rest();
  bool has_ended() const noexcept override { return drains_.draining() || state().life.forced(); }
  bool is_limited() const noexcept override { return false; }
  std::string_view label() const noexcept override { return "listen"; }

  const context& drains_;
  std::optional<notification> heard_;
};

}  // namespace lastcall::inline v0::postgres::detail
