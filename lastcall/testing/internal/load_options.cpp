#include "lastcall/testing/internal/load_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::testing {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 8> names{"busy",   "fresh",    "race", "inflight",
                                                "upload", "download", "idle", "half-closed"};
constexpr std::uint64_t most_connections = 1'000'000;
constexpr double least_rate = 0.1, most_rate = 1e6;
constexpr auto huge = std::uint64_t{1} << 50;

[[noreturn]] void refuse(std::string_view load, const std::string& why) {
  throw std::invalid_argument("load '" + std::string(load) + "': " + why);
}

/// One `key=value` of one load.
struct setting {
  std::string_view load, key, value;

  [[noreturn]] void refuse(const char* meant) const {
    testing::refuse(load, std::string(key) + "=" + std::string(value) + " is not " + meant);
  }
  template <class T> T number(T least, T greatest, const char* meant) const {
    T result{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size() || !(result >= least && result <= greatest))
      refuse(meant);
    return result;
  }
  duration time() const {
    const auto parsed = parse_duration(value);
    if (!parsed || *parsed > 1h) refuse("a time up to 1h, like 250ms or 2s");
    return *parsed;
  }
};

bool applies(load_kind kind, std::string_view key) {
  const auto any_of = [kind](std::initializer_list<load_kind> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  if (key == "path" || key == "expect") return true;
  if (key == "rate" || key == "most") return kind == load_kind::fresh;
  if (key == "min" || key == "max") return kind == load_kind::race;
  if (key == "lead") return any_of({load_kind::inflight, load_kind::upload, load_kind::download});
  if (key == "bytes" || key == "over") return any_of({load_kind::upload, load_kind::download});
  if (key == "requests" || key == "deaf") return kind == load_kind::idle;
  return false;
}

std::string keys_of(load_kind kind) {
  std::string all;
  for (const auto key : {"path", "expect", "rate", "most", "min", "max", "lead", "bytes", "over", "requests", "deaf"}) {
    if (applies(kind, key)) all += (all.empty() ? "" : ", ") + std::string(key);
  }
  return all;
}

void apply(load_options& load, const setting& s) {
  if (!applies(load.kind, s.key)) {
    refuse(s.load, "'" + std::string(s.key) + "' is no setting of " + std::string(to_text(load.kind)) + "; it has " +
                       keys_of(load.kind));
  }
  if (s.key == "path") {
    if (!s.value.starts_with('/') || s.value.find_first_of(" \r\n\t") != s.value.npos)
      s.refuse("a path that begins with /");
    load.path = s.value;
  } else if (s.key == "expect") {
    load.expect = s.value == "any" ? 0 : s.number(100, 599, "a status or 'any'");
  } else if (s.key == "rate") {
    load.rate = s.number(least_rate, most_rate, "a number of connections per second");
  } else if (s.key == "most") {
    load.most = s.number<std::size_t>(1, most_connections, "a number of connections");
  } else if (s.key == "min") {
    load.min = s.time();
  } else if (s.key == "max") {
    load.max = s.time();
  } else if (s.key == "lead") {
    load.lead = s.time();
  } else if (s.key == "bytes") {
    load.bytes = s.number<std::uint64_t>(1, huge, "a number of bytes");
  } else if (s.key == "over") {
    load.over = s.time();
  } else if (s.key == "requests") {
    load.requests = s.number<unsigned>(0, 1'000'000, "a number of requests");
  } else {
    load.deaf = s.number(0, 1, "0 or 1") == 1;
  }
}

}  // namespace

std::string_view to_text(load_kind kind) noexcept { return names[static_cast<std::size_t>(kind)]; }

load_options default_load(load_kind kind) {
  load_options load{.kind = kind, .path = "/"};
  switch (kind) {
    case load_kind::busy:
    case load_kind::fresh:
      load.count = 64;
      load.most = 10'000;
      break;
    case load_kind::race:
      load.count = 200;
      load.min = 50ms;
      load.max = 200ms;
      break;
    case load_kind::inflight:
      load.count = 20;
      load.path = "/slow?ms=1500";
      load.lead = 400ms;
      break;
    case load_kind::upload:
      load.count = 10;
      load.path = "/upload";
      load.bytes = 1'000'000;
      load.lead = 400ms;
      load.over = 1s;
      break;
    case load_kind::download:
      load.count = 10;
      load.path = "/big?bytes=20000000";
      load.bytes = 20'000'000;
      load.lead = 400ms;
      load.over = 1s;
      break;
    case load_kind::idle:
      load.count = 100;
      load.requests = 1;
      break;
    case load_kind::half_closed:
      load.count = 16;
      break;
  }
  return load;
}

void check(const load_options& load) {
  const std::string part = "load '" + std::string(to_text(load.kind)) + "'";
  const lastcall::detail::option_check allowed(part);
  allowed.number("count", load.count, 0, most_connections);
  allowed.number("most", load.most, 0, most_connections);
  allowed.time("min", load.min);
  allowed.time("max", load.max);
  allowed.time("lead", load.lead);
  allowed.number("bytes", load.bytes, 0, huge);
  allowed.time("over", load.over);
  allowed.number("requests", load.requests, 0, most_connections);
  allowed.number("expect", load.expect, 0, 599);
  if (load.rate != 0 && !(load.rate >= least_rate && load.rate <= most_rate))  // also not a number
    refuse(to_text(load.kind), "rate = " + std::to_string(load.rate) + "; give 0, or a number between 0.1 and 1000000");
  if (load.min > load.max) refuse(to_text(load.kind), "min is more than max");
}

load_options parse_load(std::string_view text) {
  auto rest = text;
  const auto next = [&rest] {
    const auto part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
  };
  const auto first = next();
  const auto colon = std::min(first.find(':'), first.size());
  const auto found = std::find(names.begin(), names.end(), first.substr(0, colon));
  if (found == names.end()) {
    refuse(text, "'" + std::string(first.substr(0, colon)) +
                     "' is no load; there are busy, fresh, race, inflight, upload, download, idle and half-closed");
  }
  auto load = default_load(static_cast<load_kind>(found - names.begin()));
  if (colon < first.size()) {
    const setting count{text, "COUNT", first.substr(colon + 1)};
    load.count = count.number<std::size_t>(1, most_connections, "a number of connections");
  }
  bool own_path = false, own_bytes = false;
  while (!rest.empty()) {
    const auto part = next();
    const auto equals = part.find('=');
    if (equals == part.npos) refuse(text, "'" + std::string(part) + "' is no key=value");
    const setting s{text, part.substr(0, equals), part.substr(equals + 1)};
    own_path = own_path || s.key == "path";
    own_bytes = own_bytes || s.key == "bytes";
    apply(load, s);
  }
  if (load.min > load.max) refuse(text, "min is more than max");
  if (load.kind == load_kind::download) {
    if (!own_path) load.path = "/big?bytes=" + std::to_string(load.bytes);
    if (own_path && !own_bytes) load.bytes = 0;  // the size of a user's path is not known
  }
  return load;
}

}  // namespace lastcall::inline v0::testing
