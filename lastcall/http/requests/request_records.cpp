#include "lastcall/http/requests/request_records.hpp"

#include <cstddef>
#include <exception>
#include <string_view>

#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::http::detail {

void request_records::responded(const access_sink& sink, const request* r, const net::endpoint& remote, int status,
                                std::uint64_t bytes, request_end as) {
  if (r && r->verb() == method::head) bytes = 0;
  entry& added = unsent_.emplace_back(entry{begun_, bytes, status, as, {}});
  if (!sink) return;
  const std::string from = to_text(remote);
  const trace_context ids = r ? trace(*r) : trace_context();
  const std::string_view all[] = {from, r ? r->method() : std::string_view(), r ? r->target() : std::string_view(),
                                  ids.request_id, ids.parent ? ids.parent->trace_id : std::string_view()};
  for (std::size_t i = 0; i < std::size(all); ++i) {
    added.text[i] = static_cast<std::uint32_t>(all[i].size());
    text_ += all[i];
  }
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
  std::string_view rest = text_;
  for (const entry& each : unsent_) {
    if (!sink) break;
    std::string_view all[5];
    for (std::size_t i = 0; i < std::size(all); ++i) {
      all[i] = rest.substr(0, each.text[i]);
      rest.remove_prefix(all[i].size());
    }
    try {
      sink({.remote = all[0],
            .method = all[1],
            .target = all[2],
            .status = each.status,
            .bytes = each.bytes,
            .took = now - each.begun,
            .request_id = all[3],
            .trace_id = all[4],
            .ended = each.ended});
    } catch (...) {
      // An access log must not end the requests that it tells of.
    }
  }
  unsent_.clear();
  text_.clear();
}

}  // namespace lastcall::inline v0::http::detail
