#include "lastcall/http/requests/access_log.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/json.hpp"

namespace lastcall::inline v0::http {

namespace {
constexpr std::size_t most_method_bytes = 64;
constexpr std::size_t most_target_bytes = 1024;  // so that a line of log, which is 4,096 bytes at most, is not cut
}  // namespace

std::string_view to_text(request_end how) noexcept { return lastcall::detail::enum_name(how); }

std::string to_json(const access_record& r) {
  std::string text;
  json_writer json(text);
  json.begin_object().member("remote", r.remote).member("method", r.method.substr(0, most_method_bytes));
  json.member("target", r.target.substr(0, most_target_bytes)).member("status", r.status).member("bytes", r.bytes);
  json.member("ms", std::round(to_ms(r.took) * 1000) / 1000).member("ended", to_text(r.ended));
  if (!r.route.empty()) json.member("route", r.route);
  if (!r.request_id.empty()) json.member("request_id", r.request_id);
  if (!r.trace_id.empty()) json.member("trace_id", r.trace_id);
  json.end_object();
  return text;
}

access_sink access_log_to(logger log, std::string component) {
  return [log = std::move(log), component = std::move(component)](const access_record& r) {
    if (!log.enabled(log_level::info)) return;
    const std::string status = std::to_string(r.status), bytes = std::to_string(r.bytes);
    char ms[32];
    const char* const ms_end = std::to_chars(ms, std::end(ms), to_ms(r.took), std::chars_format::fixed, 3).ptr;
    std::vector<log_field> said{{"remote", r.remote},
                                {"method", r.method.substr(0, most_method_bytes)},
                                {"target", r.target.substr(0, most_target_bytes)},
                                {"status", status},
                                {"bytes", bytes},
                                {"ms", std::string_view(ms, static_cast<std::size_t>(ms_end - ms))},
                                {"ended", to_text(r.ended)}};
    for (const log_field& each :
         {log_field{"route", r.route}, log_field{"request_id", r.request_id}, log_field{"trace_id", r.trace_id}}) {
      if (!each.value.empty()) said.push_back(each);
    }
    log.write(log_level::info, component, "request", said);
  };
}

}  // namespace lastcall::inline v0::http
