#include "lastcall/http/requests/streaming.hpp"

#include <algorithm>
#include <iterator>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/call.hpp"

namespace lastcall::inline v0::http {

namespace {
// What would change how the message is framed, routed, authenticated or understood.   Source: RFC 9110 section 6.5.1.
constexpr std::string_view never_trailers[] = {
    "te",       "forwarded",     "content-length",      "host",     "connection",    "x-forwarded-for",
    "range",    "keep-alive",    "content-encoding",    "cookie",   "content-type",  "proxy-connection",
    "expect",   "max-forwards",  "if-modified-since",   "trailer",  "authorization", "transfer-encoding",
    "upgrade",  "cache-control", "if-unmodified-since", "if-match", "content-range", "proxy-authorization",
    "if-range", "if-none-match"};
}  // namespace

task<std::optional<std::string_view>> body_stream::read() { return call_->read(); }
std::optional<std::string_view> body_stream::read_blocking() { return call_->read_blocking(); }

std::string_view body_stream::trailer(std::string_view name) const noexcept {
  const auto is_name = [&](std::string_view one) { return detail::equal_ignoring_case(one, name); };
  if (std::any_of(std::begin(never_trailers), std::end(never_trailers), is_name)) return {};
  const detail::exchange* const x = call_->current_exchange();
  std::string_view lines = x ? x->trailers : std::string_view();
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        detail::equal_ignoring_case(line.substr(0, name.size()), name))
      return line.substr(name.size() + 1);
  }
  return {};
}

std::optional<std::uint64_t> body_stream::length() const noexcept {
  const detail::exchange* const x = call_->current_exchange();
  return x ? x->info.content_length : std::nullopt;
}

task<bool> body_writer::write(std::string_view bytes) { return call_->write(bytes); }
bool body_writer::write_blocking(std::string_view bytes) { return call_->write_blocking(bytes); }
void body_writer::trailer(std::string_view name, std::string_view value) { call_->trailer(name, value); }

response detail::streamed(function<task<>(body_writer)> make, std::optional<std::uint64_t> length) {
  return response_access::with(response(200), {.length = length, .awaiting = std::move(make)});
}

response detail::streamed_blocking(function<void(body_writer)> make, std::optional<std::uint64_t> length) {
  return response_access::with(response(200), {.length = length, .blocking = std::move(make)});
}

namespace detail {
void release_stream::operator()(call* c) const noexcept { c->release(); }
body_stream body_of(call& c) noexcept { return stream_access::make<body_stream>(c); }
}  // namespace detail

}  // namespace lastcall::inline v0::http
