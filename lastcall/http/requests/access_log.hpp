// The access log: one record for each request, when its end is known. Off by default, and then it costs nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0::http {

/// The column of the request ledger in which a request ends up.
enum class request_end : unsigned char { answered, rejected, abandoned_by_client, forced, broken, timed_out };

std::string_view to_text(request_end how) noexcept;

/// The views live as long as the call.
struct access_record {
  std::string_view remote{};
  std::string_view method{};  ///< empty, as the target, when the head never was complete
  std::string_view target{};
  std::string_view route{};  ///< the pattern that matched; empty without one
  int status = 0;            ///< 0: there was no response
  std::uint64_t bytes = 0;   ///< of the response's body
  duration took{};           ///< from the first byte of the head to the last of the response, or to the end
  std::string_view request_id{};
  std::string_view trace_id{};
  request_end ended = request_end::answered;
};

/// Called on the connections' loops, by several at once; must not block. What it throws is counted in the
/// report (`access_records_lost`), and told in the log the first time.
using access_sink = std::function<void(const access_record&)>;

/// One JSON object, in one line. Of the target at most 1,024 bytes.
std::string to_json(const access_record& r);

/// Writes each as a line `request` whose fields are named as the members of to_json, at the level info, as `component`.
access_sink access_log_to(logger log, std::string component = "access");

}  // namespace lastcall::inline v0::http
