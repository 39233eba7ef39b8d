#include "lastcall/adapters/redis/connection.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "lastcall/adapters/redis/address.hpp"
#include "lastcall/adapters/redis/link.hpp"
#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::redis {

using detail::link;
using detail::link_group;
using detail::session_use;
using detail::session_verb;

namespace {

std::string_view refusal_in(const reply& of) { return of.is_error() ? of.text() : std::string_view(); }

/// A server that was the first of its group, and is no longer: another one is, perhaps under the same name.
bool says_it_is_demoted(const reply& of) {
  const std::string_view text = refusal_in(of);
  return text.starts_with("READONLY ") || text.starts_with("MASTERDOWN ");
}

}  // namespace

connection::connection(std::unique_ptr<link> of) noexcept : state_(std::move(of)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

redisContext* connection::native_handle() const noexcept { return state_->native; }

void connection::check(const options& of) {
  lastcall::detail::option_check(of.name).time_above_zero("connect_within", of.connect_within);
  detail::address parsed;
  try {
    parsed = detail::parse_address(of.url);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(of.name + ": url: " + e.what());
  }
  if (!of.user.empty() && of.password.empty())
    throw std::invalid_argument(of.name + ": user = " + of.user + ", but there is no password; give one");
  if (!of.password.empty() && !parsed.password.empty())
    throw std::invalid_argument(of.name + ": password is given twice, also in the url; give it once");
}

result<connection, error> connection::open(const context& with, const options& how, logger log) {
  check(how);
  return open(with, how, std::make_shared<link_group>(std::move(log)));
}

result<connection, error> connection::open(const context& with, const options& how, std::shared_ptr<link_group> of) {
  auto made = std::make_unique<link>(how, std::move(of));
  link& state = *made;
  if (state.wake < 0) return error(error::reason::connection, how.name + ": no descriptor is left");
  const context bounded = within(with, how.connect_within);
  const auto late = [&] {
    if (with.forced()) return state.ended(with, "not connected", "");
    return error(error::reason::connection, how.name + ": no connection within " + to_text(how.connect_within));
  };
  {
    const stop_callback told(bounded.forced_token(), [fd = state.wake] { eventfd_write(fd, 1); });
    const auto fd = detail::connect_socket(how, bounded.end(), state.wake);
    if (!fd) return fd.error();
    if (*fd < 0) return late();
    state.native = redisConnectFd(*fd);
    if (state.native == nullptr) {
      ::close(*fd);
      return error(error::reason::connection, how.name + ": no memory");
    }
  }
  state.calm();
  connection opened(std::move(made));
  const detail::address to = detail::parse_address(how.url);
  const std::string& password = to.password.empty() ? how.password : to.password;
  const std::string& user = to.password.empty() ? how.user : to.user;
  commands first;
  if (!password.empty() && !user.empty()) first.add("AUTH", user, password);
  if (!password.empty() && user.empty()) first.add("AUTH", password);
  if (to.database != 0) first.add("SELECT", to.database);
  if (!first.empty()) {
    const auto said = opened.run(bounded, first);
    if (!said) return with.forced() || said.error().why() != error::reason::deadline ? said.error() : late();
    for (const reply& each : *said)
      if (each.is_error()) return opened.refusal(each, "not connected");
    state.effect = {};
  }
  return opened;
}

error connection::refusal(const reply& of, std::string_view label) const {
  const std::string_view text = of.text();
  return {error::reason::server, state_->how.name + ": " + std::string(label) + ": " + std::string(text),
          std::string(text.substr(0, text.find(' ')))};
}

result<reply, error> connection::run_one(const context& with, const commands& one) {
  auto all = run(with, one);
  if (!all) return all.error();
  if (all->front().is_error()) return refusal(all->front(), one.first_);
  return std::move(all->front());
}

result<std::vector<reply>, error> connection::run(const context& with, const commands& all) {
  if (all.empty()) return std::vector<reply>();
  if (all.size() > 1 && std::ranges::find(all.verbs_, session_verb::multi, &session_use::second) != all.verbs_.end())
    return error(error::reason::misuse, state_->how.name + ": " + all.label() +
                                            ": MULTI among others, which are carried out even if it is refused; give "
                                            "them to run_as_one");
  auto replies = exchange(with, all.text_, all.size(), all.label());
  if (!replies) return replies;  // nothing was sent, or the connection is given up
  for (const auto& [which, verb] : all.verbs_) state_->effect.add(verb, refusal_in((*replies)[which]));
  return replies;
}

// MULTI is sent first, for itself: were it refused, the server would carry out what follows it, one by one.
result<reply, error> connection::run_as_one(const context& with, const commands& all) {
  const auto does_not_fit = [](const session_use& of) { return of.second != session_verb::unwatch; };
  if (state_->effect.in_transaction() || std::ranges::any_of(all.verbs_, does_not_fit))
    return error(error::reason::misuse, state_->how.name + ": " + all.label() +
                                            ": a transaction within a transaction, or one that changes its connection");
  const std::string label = all.label() + " (as one)";
  commands first;
  first.add("MULTI");
  const auto begun = exchange(with, first.text_, 1, label, sends::nothing_that_counts);
  if (!begun) return begun.error();
  if (begun->front().is_error()) return refusal(begun->front(), label + ": MULTI");
  commands rest;
  rest.text_ = all.text_;
  rest.count_ = all.count_;
  rest.add("EXEC");
  auto replies = exchange(with, rest.text_, rest.size(), label);
  if (!replies) {
    state_->given_up = true;  // so the server forgets the transaction
    return replies.error();
  }
  state_->effect.add(session_verb::multi, {});
  state_->effect.add(session_verb::exec, refusal_in(replies->back()));
  for (const reply& each : *replies)  // the first says which command it was; EXEC says only that there was one
    if (each.is_error()) return refusal(each, all.label());
  return std::move(replies->back());
}

result<std::vector<reply>, error> connection::exchange(const context& with, std::string_view text, std::size_t replies,
                                                       std::string_view label, sends what) {
  link& on = *state_;
  if (on.given_up) return error(error::reason::connection, on.how.name + ": the connection was given up");
  const time_point end = with.end();
  const auto has_ended = [&] { return with.forced() || on.life.forced() || steady().now() >= end; };
  if (has_ended()) return on.ended(with, label, ": not sent");
  std::atomic<bool> told = false;
  std::vector<reply> all;
  std::string_view left = text;
  auto answer = [&]() -> result<std::vector<reply>, error> {
    const stop_callback wakes(with.forced_token(), [&] {
      told = true;
      eventfd_write(on.wake, 1);
    });
    all.reserve(replies);
    for (;;) {
      auto next = on.parsed();
      if (!next) return next.error();
      if (*next != nullptr) {
        all.emplace_back(*next);
        on.demoted |= says_it_is_demoted(all.back());
        if (all.size() == replies) return std::move(all);
        continue;
      }
      if (!left.empty()) {
        const auto sent = on.sent(left);
        if (!sent) return sent.error();
        left.remove_prefix(*sent);
      }
      const auto came = on.received();
      if (!came) return came.error();
      if (*came) continue;
      if (on.wait(!left.empty(), end) && !has_ended()) continue;
      if (!has_ended()) {
        on.calm();  // it was told of something else
        continue;
      }
      on.given_up = true;
      if (left.size() == text.size() || what == sends::nothing_that_counts) return on.ended(with, label, ": not sent");
      on.group->unconfirmed.fetch_add(1, std::memory_order_relaxed);
      on.group->log.debug(on.how.name, "cut; it is not known whether it took effect", {{"command", label}});
      return on.ended(with, label, ": cut, and it is not known whether it took effect");
    }
  }();
  if (told) on.calm();
  if (!answer && answer.error().why() == error::reason::connection)
    on.group->log.warning(on.how.name, "a connection was lost", {{"error", answer.error().what()}, {"command", label}});
  return answer;
}

bool connection::is_idle() const noexcept { return !state_->given_up && state_->effect.is_none(); }

// An idle connection has nothing to say; a reply that nobody waits for, or its end, makes it unusable.
bool connection::is_broken() const noexcept {
  if (state_->given_up || state_->demoted || state_->life.forced()) return true;
  char byte = 0;
  return recv(state_->native->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

void connection::give_up() noexcept { state_->given_up = true; }
void connection::force() noexcept { state_->ends.force(); }

}  // namespace lastcall::inline v0::redis
