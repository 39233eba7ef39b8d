#include "lastcall/http/requests/request_records.hpp"

#include <exception>

#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::http::detail {

void request_records::responded(const access_sink& sink, const request* r, const net::endpoint& remote, int status,
                                std::uint64_t bytes, request_end as) {
  if (r && r->verb() == method::head) bytes = 0;
  entry& added = unsent_.emplace_back(entry{begun_, bytes, status, as});
  if (!sink) return;
  added.remote = to_text(remote);
  if (!r) return;
  added.method = r->method();
  added.target = r->target();
  const trace_context ids = trace(*r);
  added.request_id = ids.request_id;
  if (ids.parent) added.trace_id = ids.parent->trace_id;
}

void request_records::body_sent(const access_sink& sink, const request& r, const net::endpoint& remote,
                                request_end as) noexcept {
  try {
    responded(sink, &r, remote, status_, bytes_, as);
  } catch (const std::exception&) {  // out of memory: the record is missing
  }
}

void request_records::sent(const access_sink& sink, request_stats& stats, time_point now, bool forced) noexcept {
  for (entry& each : unsent_) {
    stats.add(each.status, now - each.begun);
    if (forced && each.ended == request_end::answered) each.ended = request_end::forced;
  }
  tell(sink, now);
}

void request_records::cut(const access_sink& sink, bool open, const request* r, const net::endpoint& remote,
                          time_point now, request_end as) noexcept {
  for (entry& each : unsent_)
    if (each.ended == request_end::answered) each.ended = as;
  try {
    if (open && sink) responded(sink, r, remote, status_, bytes_, as);
  } catch (const std::exception&) {  // out of memory: the record is missing
  }
  tell(sink, now);
}

void request_records::tell(const access_sink& sink, time_point now) noexcept {
  for (const entry& each : unsent_) {
    if (!sink) break;
    try {
      sink({.remote = each.remote,
            .method = each.method,
            .target = each.target,
            .status = each.status,
            .bytes = each.bytes,
            .took = now - each.begun,
            .request_id = each.request_id,
            .trace_id = each.trace_id,
            .ended = each.ended});
    } catch (...) {
      // An access log must not end the requests that it tells of.
    }
  }
  unsent_.clear();
}

}  // namespace lastcall::inline v0::http::detail
