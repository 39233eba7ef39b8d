// Bytes in, bytes out, and the handler. How long all this may take is in session_deadline.cpp.
//
// Re-entrancy: receive, transmit, on_input and on_sent may end the session; so each function here returns after such a
// call, or looks at state() first. A handler never runs within these functions: session_link posts it to the loop.
// Ownership: the connection_set owns the session; handlers and posted work hold the session_link only.
#include "lastcall/net/session/session.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/net/loop/thread_pool.hpp"

namespace lastcall::inline v0::net {

namespace {
constexpr int reads_per_wake = 8;  // then the other connections of the loop are served
}  // namespace

session::session(owning_set& set, unique_fd socket, const endpoint& from, connection_kind kind,
                 const session_limits& limits)
    : connection(set, std::move(socket), from, kind),
      limits_(limits),
      link_(std::make_shared<session_link>(*this, set.loop(), from)) {}

session::session(connection& before, connection_kind kind, const session_limits& limits, std::string received)
    : connection(before, kind),
      limits_(limits),
      link_(std::make_shared<session_link>(*this, set().loop(), remote())),
      input_(std::move(received)) {}

/// Also for a session that was replaced, or never adopted: its handler must not find it any more.
session::~session() { link_->session_ended(cause::forced); }

void session::on_end(connection_end how) noexcept {
  link_->session_ended(how == connection_end::forced ? cause::forced : cause::client_gone);
}

void session::on_readable() noexcept {
  readable_ = true;
  read_more();
}

/// Reads until the kernel has nothing more, the input is at its limit, or others are to be served (rearm).
void session::read_more() noexcept {
  for (int i = 0; readable_ && !input_over_; ++i) {
    if (state() == connection_state::closed || state() == connection_state::lingering) return;
    if (input_.size() >= limits_.input_bytes) return;  // back-pressure: the rest stays in the kernel
    if (i == reads_per_wake) return rearm();
    char piece[16 * 1024];
    const io_result read = receive(piece, sizeof piece);
    if (read.would_block) {
      readable_ = false;
      return renew_deadline();
    }
    if (read.end == io_end::orderly || read.end == io_end::truncated) {
      input_over_ = true;  // the handler reads what came before it first
    } else if (read.end != io_end::open) {
      return end_by(read.end);
    }
    last_byte_ = loop_now();
    if (!within_memory([&] { input_.append({piece, read.bytes}); })) return;
    on_input();
  }
}

void session::send(std::string_view bytes) noexcept {
  if (state() == connection_state::closed || state() == connection_state::lingering) return;
  if (unsent_.empty()) {
    const io_result sent = transmit(bytes.data(), bytes.size());
    if (sent.end != io_end::open) return end_by(sent.end);
    bytes.remove_prefix(sent.bytes);
    last_byte_ = progress_ = loop_now();
    if (bytes.empty()) return;
    unsent_.look(unacknowledged());
  }
  if (within_memory([&] { unsent_.append(bytes); })) renew_deadline();
}

/// A handler that waits for room is woken below the limit, not only when the queue is empty.
void session::on_writable() noexcept {
  if (unsent_.empty()) return;
  const io_result sent = transmit(unsent_.unsent().data(), unsent_.size());
  if (sent.end != io_end::open) return end_by(sent.end);
  if (sent.bytes == 0) return;
  unsent_.sent(sent.bytes);
  note_progress();
  if (!unsent_.empty() || goodbye_by_ != time_point::max()) unsent_.look(unacknowledged());
  if (room()) wake_handler();
  if (unsent_.empty()) return all_sent();
  renew_deadline();
}

void session::all_sent() noexcept {
  if (leaving_) return farewell(leave_as_);
  on_sent();
  if (state() == connection_state::upgraded) renew_deadline();
}

void session::leave_when_sent(connection_end as) noexcept {
  if (std::exchange(leaving_, true)) return;
  leave_as_ = as;
  if (unsent_.empty()) return all_sent();
  if (told_) return expect_remote_by(loop_now() + limits_.goodbye_time);
  renew_deadline();
}

/// The completion finds the session by the link, since the connection may have ended before the handler.
void session::run(task<> handler) {
  handler_runs_ = true;
  boost::asio::co_spawn(set().loop().executor(), std::move(handler), [link = link_](std::exception_ptr error) noexcept {
    if (link->host()) link->host()->handler_over(std::move(error));
  });
}

bool session::run_on(thread_pool& pool, function<void()> handler) {
  handler_runs_ = true;
  if (pool.submit([link = link_, h = std::move(handler)] {
        const auto over = [&link](const std::exception_ptr& error) {
          link->post([error](session& host) { host.handler_over(error); });
        };
        try {
          over(exception_of(h));
        } catch (const forced_unwind&) {
          over(std::make_exception_ptr(thread_ended()));
          throw;
        }
      }))
    return true;
  return handler_runs_ = false;
}

void session::handler_over(std::exception_ptr error) noexcept {
  handler_runs_ = false;
  set().loop().refresh_now();
  on_handler_over(std::move(error));
}

}  // namespace lastcall::inline v0::net
