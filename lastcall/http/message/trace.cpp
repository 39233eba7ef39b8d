#include "lastcall/http/message/trace.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http {
namespace {

constexpr std::size_t version_0_size = 55;
constexpr std::size_t longest_id = 128;

bool lower_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return detail::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool lower_hex_not_zero(std::string_view text) noexcept {
  return lower_hex(text) && text.find_first_not_of('0') != text.npos;
}

// splitmix64: every counter value becomes another number.
std::uint64_t mixed(std::uint64_t n) noexcept {
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
  return n ^ (n >> 31);
}

std::uint64_t random_number() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

}  // namespace

std::optional<trace_parent> parse_traceparent(std::string_view value) noexcept {
  if (value.size() < version_0_size || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2), trace_id = value.substr(3, 32), parent = value.substr(36, 16);
  const std::string_view flags = value.substr(53, 2);
  if (!lower_hex(version) || version == "ff") return std::nullopt;
  if (version == "00" ? value.size() != version_0_size : value.size() > version_0_size && value[55] != '-')
    return std::nullopt;
  if (!lower_hex_not_zero(trace_id) || !lower_hex_not_zero(parent) || !lower_hex(flags)) return std::nullopt;
  const int bits = detail::hex_digit(flags[0]) * 16 + detail::hex_digit(flags[1]);
  return trace_parent{trace_id, parent, static_cast<std::uint8_t>(bits)};
}

bool acceptable_request_id(std::string_view id) noexcept {
  constexpr std::string_view others = "-_.:/+=@~";
  return !id.empty() && id.size() <= longest_id && std::ranges::all_of(id, [&](char c) {
    return detail::is_digit(c) || detail::is_alpha(c) || others.find(c) != others.npos;
  });
}

std::string make_request_id() {
  thread_local const std::uint64_t of_thread = random_number();
  thread_local std::uint64_t next = random_number();
  std::string id(32, '0');
  next += 0x9e3779b97f4a7c15U;
  const std::array<std::uint64_t, 2> halves{of_thread, mixed(next)};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = "0123456789abcdef"[halves[i / 16] >> (60 - i % 16 * 4) & 15];
  return id;
}

trace_context trace(const request& r) {
  trace_context found{.request_id = detail::request_access::id(r)};
  bool several = false;
  for (const header_field& field : r.headers()) {
    if (detail::equal_ignoring_case(field.name, "traceparent")) {
      several = several || !found.traceparent.empty();
      found.traceparent = field.value;
    } else if (detail::equal_ignoring_case(field.name, "tracestate") && !field.value.empty()) {
      found.tracestate.append(found.tracestate.empty() ? "" : ",").append(field.value);
    } else if (found.request_id.empty() && detail::equal_ignoring_case(field.name, "x-request-id") &&
               acceptable_request_id(field.value)) {
      found.request_id = field.value;
    }
  }
  if (!several) found.parent = parse_traceparent(found.traceparent);
  if (!found.parent) {
    found.traceparent = {};
    found.tracestate.clear();
  }
  return found;
}

}  // namespace lastcall::inline v0::http
