#include "lastcall/http/message/problem.hpp"

#include <string>

#include "lastcall/core/json.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http {
namespace {

std::string problem_text(int status, std::string_view detail) {
  std::string out;
  json_writer json(out);
  json.begin_object().member("type", "about:blank").member("title", reason_phrase(status)).member("status", status);
  if (!detail.empty()) json.member("detail", detail);
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

response problem(int status, std::string_view detail) {
  return response(status).header("Content-Type", "application/problem+json").body(problem_text(status, detail));
}

void problem_json(const request&, response& r) {
  if (r.status() < 400 || detail::response_access::source(r) || !r.header("Content-Type").starts_with("text/plain"))
    return;
  std::string body = problem_text(r.status(), detail_of(r));
  r.header("Content-Type", "application/problem+json").body(std::move(body));
}

}  // namespace lastcall::inline v0::http
