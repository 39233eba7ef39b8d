#include "lastcall/http/routing/route_pattern.hpp"

#include <algorithm>
#include <utility>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/routing/router.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

bool is_name(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
}

/// Empty, or what is wrong.
std::string read_segment(std::string_view text, bool last, pattern_segment& out) {
  if (text.find_first_of("{}") == std::string_view::npos) {
    if (text.empty() && !last) return "two slashes in a row";
    if (text == "." || text == "..") return "\"" + std::string(text) + "\" is never matched";
    out = {segment_kind::literal, std::string(text)};
    return {};
  }
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') {
    return "a parameter is a whole segment, as in /a/{name}; \"" + std::string(text) + "\" is not";
  }
  auto name = text.substr(1, text.size() - 2);
  const bool rest = name.ends_with("...");
  if (rest) name.remove_suffix(3);
  if (!is_name(name)) return "\"" + std::string(text) + "\": a parameter's name is letters, digits and _";
  if (rest && !last) return "\"" + std::string(text) + "\" takes all that follows, so it must be the last segment";
  out = {rest ? segment_kind::rest : segment_kind::param, std::string(name)};
  return {};
}

}  // namespace

parsed_pattern parse_pattern(std::string_view pattern) {
  const auto wrong = [](std::string why) { return parsed_pattern{{}, std::move(why)}; };
  if (pattern.empty() || pattern.front() != '/') return wrong("a pattern begins with /");
  for (const char c : pattern) {
    if (is_control(c) || c == '\t') return wrong("control character");
    if (c == '?' || c == '#') return wrong(std::string("a pattern is a path; it has no ") + c);
    if (c == '%') return wrong("a pattern is written decoded; write the character itself for a % code");
  }

  parsed_pattern parsed;
  std::size_t params = 0;
  for (std::string_view rest = pattern; !rest.empty();) {
    rest.remove_prefix(1);
    const auto text = rest.substr(0, rest.find('/'));
    rest.remove_prefix(text.size());
    pattern_segment s;
    if (auto why = read_segment(text, rest.empty(), s); !why.empty()) return wrong(std::move(why));
    if (s.what != segment_kind::literal) {
      ++params;
      const auto same = [&](const pattern_segment& other) {
        return other.what != segment_kind::literal && other.text == s.text;
      };
      if (std::any_of(parsed.segments.begin(), parsed.segments.end(), same)) {
        return wrong("two parameters called \"" + s.text + '"');
      }
    }
    parsed.segments.push_back(std::move(s));
  }
  if (params > router::max_params) return wrong("more than 16 parameters");
  if (parsed.segments.size() > router::max_segments) return wrong("more than 64 segments");
  return parsed;
}

}  // namespace lastcall::inline v0::http::detail
