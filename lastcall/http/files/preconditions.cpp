#include "lastcall/http/files/preconditions.hpp"

#include <algorithm>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/date.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

/// Takes the entity-tag that `text` begins with off it; empty when it begins with none.   Source: RFC 9110
/// section 8.8.3.
std::string_view take_tag(std::string_view& text) noexcept {
  const std::size_t quote = text.starts_with("W/") ? 2 : 0;
  if (quote >= text.size() || text[quote] != '"') return {};
  std::size_t at = quote + 1;
  while (at < text.size() && text[at] != '"') {
    const auto c = static_cast<unsigned char>(text[at++]);
    if (c < 0x21 || c == 0x7f) return {};
  }
  if (at == text.size()) return {};
  const auto tag = text.substr(0, at + 1);
  text.remove_prefix(at + 1);
  return tag;
}

bool is_weak(std::string_view tag) noexcept { return tag.starts_with("W/"); }

bool equal_strongly(std::string_view a, std::string_view b) noexcept { return a == b && !a.empty() && !is_weak(a); }

bool equal_weakly(std::string_view a, std::string_view b) noexcept {
  if (is_weak(a)) a.remove_prefix(2);
  if (is_weak(b)) b.remove_prefix(2);
  return a == b && !a.empty();
}

using comparison = bool (*)(std::string_view, std::string_view) noexcept;

/// Whether "*" or a tag of the list is met; what follows something malformed is not looked at.
bool list_meets(std::string_view list, std::string_view etag, comparison equal) noexcept {
  if (list == "*") return true;
  for (;;) {
    while (!list.empty() && (is_space(list.front()) || list.front() == ',')) list.remove_prefix(1);
    const auto tag = take_tag(list);
    if (tag.empty()) return false;
    while (!list.empty() && is_space(list.front())) list.remove_prefix(1);
    if (!list.empty() && list.front() != ',') return false;
    if (equal(tag, etag)) return true;
  }
}

/// Several lines of one name are one list.
struct tag_condition {
  bool present = false;
  bool met = false;

  tag_condition(const request& r, std::string_view name, std::string_view etag, comparison equal) noexcept {
    for (const auto& f : r.headers()) {
      if (!equal_ignoring_case(f.name, name)) continue;
      present = true;
      met = met || list_meets(f.value, etag, equal);
    }
  }
};

std::optional<std::time_t> date_of(const request& r, std::string_view name, std::time_t now) noexcept {
  std::optional<std::time_t> date;
  bool seen = false;
  for (const auto& f : r.headers()) {
    if (!equal_ignoring_case(f.name, name)) continue;
    if (seen) return std::nullopt;
    seen = true;
    date = parse_date(f.value, now);
  }
  return date;
}

std::size_t lines_of(const request& r, std::string_view name) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(r.headers(), [&](const auto& f) { return equal_ignoring_case(f.name, name); }));
}

/// A date of this second is no strong one: what it dates may change once more within it.
/// Source: RFC 9110 sections 8.8.2.2 and 13.1.5.
bool if_range_holds(std::string_view value, const validators& current, std::time_t now) noexcept {
  auto rest = value;
  if (const auto tag = take_tag(rest); !tag.empty()) return rest.empty() && equal_strongly(tag, current.etag);
  const auto date = parse_date(value, now);
  return date && date == current.modified && *date < now;
}

}  // namespace

precondition evaluate_preconditions(const request& r, const validators& current, std::time_t now) noexcept {
  // RFC 9110 section 13.2.1: these methods select no representation.
  if (r.verb() == method::connect || r.verb() == method::options || r.verb() == method::trace)
    return precondition::proceed;
  const bool reads = r.verb() == method::get || r.verb() == method::head;

  const tag_condition match(r, "If-Match", current.etag, equal_strongly);
  if (match.present) {
    if (!match.met) return precondition::failed;
  } else if (current.modified) {
    const auto date = date_of(r, "If-Unmodified-Since", now);
    if (date && *current.modified > *date) return precondition::failed;
  }

  const tag_condition none_match(r, "If-None-Match", current.etag, equal_weakly);
  if (none_match.present) {
    if (none_match.met) return reads ? precondition::not_modified : precondition::failed;
  } else if (reads && current.modified) {
    const auto date = date_of(r, "If-Modified-Since", now);
    if (date && *current.modified <= *date) return precondition::not_modified;
  }

  if (r.verb() != method::get || !r.has_header("Range")) return precondition::proceed;
  // Neither is a list (RFC 9110 sections 14.2 and 13.1.5), so of two lines it is not known which is meant.
  const std::size_t conditions = lines_of(r, "If-Range");
  const bool holds = conditions == 0 || (conditions == 1 && if_range_holds(r.header("If-Range"), current, now));
  return holds && lines_of(r, "Range") == 1 ? precondition::proceed : precondition::ignore_range;
}

}  // namespace lastcall::inline v0::http::detail
