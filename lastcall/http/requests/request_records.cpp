#include "lastcall/http/requests/request_records.hpp"

#include <exception>

#include "lastcall/core/caught.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::http::detail {

void request_records::responded(const access_sink& sink, const request* r, const net::endpoint& remote, int status,
                                std::uint64_t bytes, request_end as) {
  if (r && r->verb() == method::head) bytes = 0;
  std::unique_ptr<texts> said;
  if (sink) {
    const trace_context ids = r ? trace(*r) : trace_context();
    said.reset(new texts{to_text(remote), std::string(r ? r->method() : ""), std::string(r ? r->target() : ""),
                         std::string(ids.request_id), std::string(ids.parent ? ids.parent->trace_id : ""),
                         r ? r->route() : ""});
  }
  unsent_.push_back({{begun_, status, r ? request_access::route_number(*r) : 0}, bytes, as, std::move(said)});
}

void request_records::body_sent(const access_sink& sink, const request* r, const net::endpoint& remote,
                                request_end as) noexcept {
  try {
    responded(sink, r, remote, status_, bytes_, as);
  } catch (const std::exception&) {  // out of memory: the record is missing
  }
}

void request_records::sent(const access_sink& sink, route_stats& stats, time_point now, bool forced) noexcept {
  for (entry& each : unsent_) {
    stats.add(each.is, now);
    if (forced && each.ended == request_end::answered) each.ended = request_end::forced;
  }
  tell(sink, now);
}

void request_records::cut(const access_sink& sink, bool open, const request* r, const net::endpoint& remote,
                          time_point now, request_end as) noexcept {
  for (entry& each : unsent_)
    if (each.ended == request_end::answered) each.ended = as;
  if (open && sink) body_sent(sink, r, remote, as);
  tell(sink, now);
}

void request_records::tell(const access_sink& sink, time_point now) noexcept {
  for (const entry& each : unsent_) {
    if (!sink) break;
    static_cast<void>(exception_of([&] {  // an access log must not end the requests that it tells of
      sink({.remote = each.said->remote,
            .method = each.said->method,
            .target = each.said->target,
            .route = each.said->route,
            .status = each.is.status,
            .bytes = each.bytes,
            .took = now - each.is.begun,
            .request_id = each.said->request_id,
            .trace_id = each.said->trace_id,
            .ended = each.ended});
    }));
  }
  unsent_.clear();
}

}  // namespace lastcall::inline v0::http::detail
