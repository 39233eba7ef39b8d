#include "lastcall/adapters/redis/address.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0::redis::detail {

namespace {

constexpr int most_databases = 1'000'000;

[[noreturn]] void refuse(const std::string& why) {
  throw std::invalid_argument(why + R"(; give one as "redis://127.0.0.1:6379/0" or "unix:/run/redis/redis.sock")");
}

int number_of_database(std::string_view text) {
  const auto number = lastcall::detail::parse_number<int>(text);
  if (!number || *number < 0 || *number > most_databases)
    refuse("its database \"" + std::string(text) + "\" is no number from 0 on");
  return *number;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const auto byte = lastcall::detail::parse_number<unsigned char>(text.substr(at + 1, 2), 16);
    if (!byte || text.size() < at + 3) refuse("a % in its user or password is not followed by two hexadecimal digits");
    out += static_cast<char>(*byte);
    at += 2;
  }
  return out;
}

address of_unix(std::string_view rest) {
  address out;
  if (const auto query = rest.find('?'); query != rest.npos) {
    const std::string_view said = rest.substr(query + 1);
    if (!said.starts_with("db=")) refuse("after the ? of its path there may only be db=N");
    out.database = number_of_database(said.substr(3));
    rest = rest.substr(0, query);
  }
  if (rest.starts_with("//")) rest.remove_prefix(2);
  if (!rest.starts_with('/')) refuse("its path \"" + std::string(rest) + "\" does not begin with a slash");
  if (rest.size() > 107)
    refuse("its path has " + std::to_string(rest.size()) + " bytes, and a socket's has 107 at most");
  out.path = rest;
  return out;
}

}  // namespace

address parse_address(const std::string& url) {
  std::string_view rest = url;
  if (rest.find('\0') != rest.npos) refuse("it has a NUL");
  if (rest.starts_with("unix:")) return of_unix(rest.substr(5));
  if (rest.starts_with("rediss://"))
    refuse("rediss:// is not supported: this adapter speaks no TLS. Let stunnel or a sidecar do it");
  if (!rest.starts_with("redis://")) refuse("it begins neither with redis:// nor with unix:");
  rest.remove_prefix(8);
  address out{.host = {}, .port = "6379"};
  if (const auto at = rest.rfind('@'); at != rest.npos) {
    const std::string_view who = rest.substr(0, at);
    const auto colon = who.find(':');
    out.user = decoded(who.substr(0, colon));
    if (colon != who.npos) out.password = decoded(who.substr(colon + 1));
    if (out.password.empty()) refuse("it has a user and no password");
    rest.remove_prefix(at + 1);
  }
  if (rest.find('?') != rest.npos) refuse("parameters behind a ? are not supported");
  if (const auto slash = rest.find('/'); slash != rest.npos) {
    if (slash + 1 < rest.size()) out.database = number_of_database(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
  }
  std::size_t host_ends = rest.find(':');
  if (rest.starts_with('[')) {
    host_ends = rest.find(']');
    if (host_ends == rest.npos) refuse("its host has a [ and no ]");
    out.host = rest.substr(1, host_ends - 1);
    ++host_ends;
    if (host_ends < rest.size() && rest[host_ends] != ':') refuse("after the ] of its host there is no colon");
  } else {
    out.host = rest.substr(0, host_ends);
  }
  if (out.host.empty()) refuse("it has no host");
  if (host_ends < rest.size()) {
    const std::string_view port = rest.substr(host_ends + 1);
    const auto number = lastcall::detail::parse_number<std::uint16_t>(port);
    if (!number || *number == 0) refuse("its port \"" + std::string(port) + "\" is no number from 1 to 65535");
    out.port = port;
  }
  return out;
}

}  // namespace lastcall::inline v0::redis::detail
