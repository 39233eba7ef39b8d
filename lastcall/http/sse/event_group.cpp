#include "lastcall/http/sse/event_group.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/http/requests/call.hpp"

namespace lastcall::inline v0::sse {

namespace {
constexpr std::size_t most_bytes = 64 * 1024;  // of one event: a stream takes it if less than this waits
using http::detail::written;
constexpr std::size_t queue_bytes = 16 * 1024 * 1024;
}  // namespace

/// Has a reference, so that the call serves no other request while a membership is left.
struct group::member final : net::broadcast::member {
  explicit member(http::detail::call& c) noexcept : call(&c) { c.acquire(); }

  bool post(function<void()> f) override { return call->post(std::move(f)); }
  bool is_here() noexcept override { return call->is_here(); }
  bool take(const std::string& text) noexcept override {
    try {
      if (call->write_now(text) != written::wait) return true;  // a handler is told by itself that its client has gone
    } catch (const std::exception&) {  // no memory: this event is lost, and the client has to know
    }
    call->stop_waiting();
    return false;
  }

  const http::detail::call::owned call;
};

group::group() : all_(queue_bytes) {}

group::membership group::join(const stream& s) {
  http::detail::call& c = http::detail::stream_access::of(s);
  return all_.join(c.loop(), std::make_shared<member>(c));
}

task<> group::follow(stream s) {
  const membership here = join(s);
  while (co_await s.wait_for(std::chrono::hours(1))) {}
}

bool group::send(const event& e) {
  std::string bytes;
  append(bytes, e);
  if (bytes.size() > most_bytes) throw std::invalid_argument("sse: an event for a group is too large: 64 KiB at most");
  return all_.send(std::move(bytes));
}

}  // namespace lastcall::inline v0::sse
