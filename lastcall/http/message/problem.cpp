#include "lastcall/http/message/problem.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "lastcall/core/json.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http {
namespace {

template <class V> std::string json_of(const V& value) {
  std::string out;
  json_writer(out).value(value);
  return out;
}

const problem_member* named(std::string_view name, std::initializer_list<problem_member> all) noexcept {
  const auto found = std::ranges::find(all, name, &problem_member::name);
  return found == all.end() ? nullptr : found;
}

void check(std::initializer_list<problem_member> more) {
  for (const problem_member& each : more) {
    if (each.name() == "status" || each.name() == "detail" || named(each.name(), more) != &each)
      throw std::invalid_argument("a problem has one member '" + each.name() + "' only");
  }
}

std::string problem_text(int status, std::string_view detail, std::initializer_list<problem_member> more = {}) {
  check(more);
  const problem_member *const type = named("type", more), *const title = named("title", more);
  std::string out;
  json_writer json(out);
  json.begin_object().key("type").raw(type ? type->value() : "\"about:blank\"");
  json.key("title").raw(title ? title->value() : json_of(reason_phrase(status))).member("status", status);
  if (!detail.empty()) json.member("detail", detail);
  for (const problem_member& each : more) {
    if (&each != type && &each != title) json.key(each.name()).raw(each.value());
  }
  json.end_object();
  return out + '\n';
}

/// The server's own texts begin with status and reason, which a problem has in members of their own.
std::string_view detail_of(const response& r) {
  std::string_view text = r.body();
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string begin = std::to_string(r.status()).append(" ").append(reason_phrase(r.status()));
  if (!text.starts_with(begin)) return text;
  text.remove_prefix(begin.size());
  return text.starts_with(": ") ? text.substr(2) : text;
}

}  // namespace

problem_member::problem_member(std::string_view name, std::string_view text)
    : problem_member(json(name, json_of(text))) {}
problem_member::problem_member(std::string_view name, bool fact) : problem_member(json(name, json_of(fact))) {}
problem_member::problem_member(std::string_view name, double number) : problem_member(json(name, json_of(number))) {}

problem_member problem_member::json(std::string_view name, std::string value) {
  constexpr std::string_view sound = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  if (name.empty() || name.find_first_not_of(sound) != name.npos)
    throw std::invalid_argument("'" + std::string(name) +
                                "' is no name for a member of a problem: give letters, digits and _");
  problem_member made;
  made.name_ = name;
  made.value_ = std::move(value);
  return made;
}

response problem(int status, std::string_view detail, std::initializer_list<problem_member> more) {
  return response(status).header("Content-Type", "application/problem+json").body(problem_text(status, detail, more));
}

void problem_json(const request&, response& r) {
  if (r.status() < 400 || detail::response_access::source(r) || !r.header("Content-Type").starts_with("text/plain"))
    return;
  std::string body = problem_text(r.status(), detail_of(r));
  r.header("Content-Type", "application/problem+json").body(std::move(body));
}

}  // namespace lastcall::inline v0::http
