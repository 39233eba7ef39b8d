// The router against a list of patterns that is searched one by one. The input's first line is a method and a path,
// each further one a pattern to register.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/routing/handler_access.hpp"
#include "lastcall/http/routing/router.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/plain_path.hpp"

namespace lastcall::fuzz {
namespace {

using http::detail::request_access;

/// How one pattern fits a path: the kind of each of its segments ('l' before 'p' before 'r') and its parameters.
struct fit {
  std::string kinds;
  std::vector<std::pair<std::string, std::string>> params;
};

std::optional<fit> fits(std::string_view pattern, std::string_view path) {
  fit f;
  auto wanted = plain_segments(pattern.substr(1));
  auto rest = path.substr(1);
  for (std::size_t i = 0;; ++i) {
    const bool param = wanted[i].starts_with('{');
    const auto name = param ? wanted[i].substr(1, wanted[i].size() - 2) : wanted[i];
    if (param && name.ends_with("...")) {
      f.kinds += 'r';
      f.params.emplace_back(name.substr(0, name.size() - 3), *plain_decoded(rest));
      return f;
    }
    const auto raw = rest.substr(0, rest.find('/'));
    const auto decoded = *plain_decoded(raw);
    if (param ? decoded.empty() : decoded != name) return std::nullopt;
    f.kinds += param ? 'p' : 'l';
    if (param) f.params.emplace_back(name, decoded);
    const bool more_path = raw.size() < rest.size(), more_pattern = i + 1 < wanted.size();
    if (more_path != more_pattern) return std::nullopt;
    if (!more_path) return f;
    rest.remove_prefix(raw.size() + 1);
  }
}

/// Registers `pattern` for GET, or for POST when it begins with "!"; false when it is refused.
bool add(http::router& routes, std::vector<std::pair<std::string, std::string>>& list, std::string_view pattern) {
  const bool post = pattern.starts_with('!');
  if (post) pattern.remove_prefix(1);
  const std::string method = post ? "POST" : "GET";
  try {
    routes.route(method, pattern, [n = list.size()](const http::request&) { return http::text(std::to_string(n)); });
  } catch (const std::invalid_argument&) {
    return false;
  }
  list.emplace_back(method, pattern);
  return true;
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  const auto input = text(data, size);
  const exact_copy line(input.substr(0, input.find('\n')));
  const auto space = line.view().find(' ');
  if (space == std::string_view::npos) return 0;
  const auto method = line.view().substr(0, space), path = line.view().substr(space + 1);

  lastcall::http::router routes;
  std::vector<std::pair<std::string, std::string>> list;
  for (auto rest = input.substr(line.view().size()); !rest.empty() && list.size() < 32;) {
    rest.remove_prefix(1);
    const auto pattern = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(pattern.size());
    add(routes, list, pattern);
  }

  lastcall::http::request r;
  request_access::begin(r, line.view().data());
  request_access::method(r, method);
  request_access::target(r, path, path, {});
  const auto found = routes.match(r);

  if (method == "CONNECT") return require(!found.handle && found.status == 501, "no proxy"), 0;
  if (path == "*") return require(!found.handle && found.status == 204, "a server as a whole has no handler"), 0;
  const auto asked = path.empty() ? std::string_view(r.path()) : path;
  if (!plain_sound(asked)) return require(!found.handle && found.status == 400, "an unsound path is refused"), 0;

  std::optional<fit> best;
  std::size_t best_index = 0;
  bool any = false;
  const bool known = lastcall::http::parse_method(method) != lastcall::http::method::other ||
                     std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.first == method; });
  const auto served_by = [&](std::string_view route_method) {
    return route_method == method || (route_method == "GET" && method == "HEAD");
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto f = fits(list[i].second, asked);
    any = any || f;
    if (!f || !served_by(list[i].first) || (best && best->kinds <= f->kinds)) continue;
    best = std::move(f);
    best_index = i;
  }
  if (!best) {
    const int status = !known ? 501 : !any ? 404 : method == "OPTIONS" ? 204 : 405;
    require(!found.handle && found.status == status, "no handler where no pattern fits with the method");
    require(found.allow.empty() == (!any || !known), "Allow where a pattern fits");
    return 0;
  }
  require(found.handle != nullptr, "a pattern that fits is found");
  require(lastcall::http::detail::handler_access::erased(*found.handle).answer(r, {}, nullptr).body() ==
              std::to_string(best_index),
          "the best pattern is found");
  for (const auto& [name, value] : best->params) require(r.param(name) == value, "parameters decoded once");
  return 0;
}
