#include "lastcall/adapters/redis/subscription.hpp"

#include <sys/eventfd.h>

#include <atomic>
#include <stdexcept>
#include <utility>

#include "lastcall/adapters/redis/link.hpp"

namespace lastcall::inline v0::redis {

using detail::link;
using detail::link_access;

namespace {

constexpr std::size_t most_at_the_end = 10'000;  // messages: a publisher that goes on and on holds up no drain

/// A command for each: one for several is refused by one answer, where otherwise each has its own.
void append_commands(std::string& to, std::string_view name, const std::vector<std::string>& values) {
  for (const std::string& each : values) {
    to.append("*2\r\n");
    detail::append_word(to, name);
    detail::append_word(to, each);
  }
}

}  // namespace

result<subscription, error> subscription::begin(const context& with, connection& on,
                                                const std::vector<std::string>& channels,
                                                const std::vector<std::string>& patterns) {
  if (channels.empty() && patterns.empty())
    throw std::invalid_argument("redis: a subscription to nothing; give a channel or a pattern");
  std::string text;
  append_commands(text, "SUBSCRIBE", channels);
  append_commands(text, "PSUBSCRIBE", patterns);
  auto said = link_access::exchange(on, with, text, channels.size() + patterns.size(), "SUBSCRIBE");
  subscription made(on);  // from here on the connection is its own
  if (!said) return said.error();
  for (const reply& each : *said) {
    if (each.is_error()) return link_access::refusal(on, each, "SUBSCRIBE");
    made.take(each);  // a message may come before the last channel is confirmed
  }
  return made;
}

subscription& subscription::operator=(subscription&& other) noexcept {
  subscription taken(std::move(other));
  std::swap(on_, taken.on_);
  std::swap(come_, taken.come_);
  std::swap(heard_all_, taken.heard_all_);
  return *this;
}

subscription::~subscription() {
  if (on_ != nullptr) on_->give_up();
}

bool subscription::take(const value& of) {
  const std::string_view kind = of.empty() ? std::string_view() : of[0].text();
  if (kind == "message" && of.size() == 3) {
    come_.push_back({.channel = std::string(of[1].text()), .text = std::string(of[2].text())});
  } else if (kind == "pmessage" && of.size() == 4) {
    come_.push_back({.channel = std::string(of[2].text()),
                     .text = std::string(of[3].text()),
                     .pattern = std::string(of[1].text())});
  } else {
    return false;
  }
  return true;
}

/// False: nothing more has come.
result<bool, error> subscription::read_what_has_come() {
  link& on = link_access::state_of(*on_);
  for (;;) {
    const auto next = on.parsed();
    if (!next) return next.error();
    if (*next != nullptr) {
      if (take(reply(*next))) return true;
      continue;
    }
    const auto came = on.received();
    if (!came) return came.error();
    if (!*came) return false;
  }
}

result<std::optional<message>, error> subscription::next(const context& with) {
  const auto first = [&] {
    message it = std::move(come_.front());
    come_.pop_front();
    return std::optional(std::move(it));
  };
  link& on = link_access::state_of(*on_);
  if (!come_.empty() && !with.forced()) return first();
  if (on.given_up) return error(error::reason::connection, on.how.name + ": the connection was given up");
  std::atomic<bool> told = false;
  const auto answer = [&]() -> result<std::optional<message>, error> {
    // Force implies the drain; what is forced while it drains does not wait any more.
    const stop_callback wakes(with.draining_token(), [&] {
      told = true;
      eventfd_write(on.wake, 1);
    });
    const time_point end = with.end();
    for (;;) {
      if (with.forced() || steady().now() >= end) return std::optional<message>();
      if (on.life.forced()) return on.ended(with, "a subscription", "");
      if (with.draining()) {
        while (!heard_all_) {
          const auto more = read_what_has_come();
          if (!more && come_.empty()) return more.error();
          heard_all_ = !more || !*more || come_.size() >= most_at_the_end;
        }
        if (!come_.empty()) return first();
        return std::optional<message>();
      }
      const auto more = read_what_has_come();
      if (!more) return more.error();
      if (*more) return first();
      if (!on.wait(false, end)) on.calm();
    }
  }();
  if (told) on.calm();
  return answer;
}

}  // namespace lastcall::inline v0::redis
