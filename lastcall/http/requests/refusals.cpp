#include "lastcall/http/requests/refusals.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http::detail {

response answer_of(server_refusal refused) {
  std::string line = std::to_string(refused.status);
  line.append(" ").append(reason_phrase(refused.status)).append(": ").append(refused.why).append("\n");
  response answer = text(std::move(line), refused.status);
  if (refused.status == refusals::overloaded) answer.header("Retry-After", refusals::come_again_after);
  return own_mark::set(std::move(answer));
}

response answer_to(const unavailable& missing) {
  const auto seconds = std::max(std::chrono::ceil<std::chrono::seconds>(missing.retry_after), std::chrono::seconds(0));
  return own_mark::set(text("503 Service Unavailable: try again later\n", refusals::overloaded)
                           .header("Retry-After", std::to_string(seconds.count())));
}

response failure() { return own_mark::set(text("internal server error\n", 500)); }

}  // namespace lastcall::inline v0::http::detail
