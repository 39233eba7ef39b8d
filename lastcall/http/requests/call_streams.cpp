// The part of call that reads the request's body and writes the response's, on the loop's thread.
// A coroutine tries a step at the host. If the host has nothing to give or no room, the coroutine waits in
// input_waiter_ or output_waiter_, and the connection wakes it when that has changed. Each resume tries again, and
// meets a missing host.
#include "lastcall/http/requests/call.hpp"

#include <utility>

#include "lastcall/http/requests/call_waiter.hpp"

namespace lastcall::inline v0::http::detail {

/// One attempt. Never waits.
input_result call::try_input() noexcept {
  if (!host_) return {.what = input_result::kind::failed, .why = client_has_gone};
  const input_result got = host_->next_input();
  // Asking may have ended the connection: then nobody would wake who waits.
  return got.what == input_result::kind::wait && !host_
             ? input_result{.what = input_result::kind::failed, .why = client_has_gone}
             : got;
}

/// One attempt. Returns how many bytes the host took; 0 means that too many bytes wait for the client already, and
/// nothing that no more can be sent.
std::optional<std::size_t> call::try_output(std::string_view bytes) {
  if (!host_ || body_over_) return std::nullopt;
  const std::size_t taken = bytes.empty() ? 0 : host_->take_output(bytes);
  if (taken == 0 && !host_) return std::nullopt;  // as above
  if (taken > 0) last_output_ = environment_->loop.now();
  return taken;
}

std::optional<std::string_view> call::piece_of(const input_result& in) {
  if (in.what == input_result::kind::failed) throw body_error(in.status, in.why);
  if (in.what == input_result::kind::end) return std::nullopt;
  return in.bytes;
}

task<std::optional<std::string_view>> call::read(reference self) {
  call& c = *self;
  require_thread(!c.host_ || c.environment_->loop.is_here());
  require_no_waiter(static_cast<bool>(c.input_waiter_));
  if (c.steps_.many()) co_await net::let_others_run();  // before the piece is taken: it is valid until the next read
  input_result in = c.try_input();
  for (; in.what == input_result::kind::wait; in = c.try_input()) {
    co_await suspended(c.input_waiter_);
    c.steps_.waited();
  }
  co_return piece_of(in);
}

task<bool> call::write(reference self, std::string_view bytes) {
  call& c = *self;
  require_thread(!c.host_ || c.environment_->loop.is_here());
  require_no_waiter(c.writing_);  // two writes must not mix their bytes
  c.writing_ = true;
  std::optional<std::size_t> taken;
  try {
    while ((taken = c.try_output(bytes)) && *taken < bytes.size()) {
      bytes.remove_prefix(*taken);
      if (*taken == 0) {
        co_await suspended(c.output_waiter_);
        c.steps_.waited();
      } else if (c.steps_.many()) {
        co_await net::let_others_run();
      }
    }
  } catch (...) {
    c.writing_ = false;
    throw;
  }
  c.writing_ = false;
  if (c.steps_.many()) co_await net::let_others_run();
  if (!taken && c.steps_.refused_for_ever()) throw body_error(0, client_has_gone);
  co_return taken.has_value();
}

/// Only for bytes that fit as a whole. If the host takes only a part, the rest can't be sent later: the body ends as
/// broken.
written call::write_now(std::string_view bytes) {
  if (writing_) return written::wait;
  for (bool first = true; !bytes.empty(); first = false) {
    const std::optional<std::size_t> taken = try_output(bytes);
    if (!taken) return written::never;
    if (*taken == 0) {
      if (!first) host_->end_output(false, {});
      return written::wait;
    }
    bytes.remove_prefix(*taken);
  }
  return written::yes;
}

void call::trailer(std::string_view name, std::string_view value) {
  trailers_ += response(200).header(name, value).header_lines();  // throws what header() throws
}

}  // namespace lastcall::inline v0::http::detail
