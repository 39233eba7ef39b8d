// How HTTP/1.1 ends on a connection that goes on in another protocol: with 101 for an upgrade, or at once when the
// first bytes of the client are HTTP/2. In both cases connection_set::replace() puts a new object in the place of this
// one, which has no socket from then on, and is deleted when the loop has finished its batch of events.
#include <exception>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/upgrade.hpp"
#include "lastcall/http/requests/http2.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;

/// Whether the first bytes are the preface of HTTP/2, or a part of it that no HTTP/1.1 request begins with. Source: RFC
/// 9113 section 3.4.
bool h1_connection::begins_http2() {
  if (!service().h2c || !exchange_) return false;
  const std::string_view here = exchange_->input.unread().substr(0, http2_preface.size());
  return here.size() >= 3 && http2_preface.starts_with(here);
}

/// The replacement gets the bytes that were received. A server that is full says GOAWAY in place of that.
void h1_connection::become_http2() noexcept {
  if (refusing_) {
    shard_.output() += http2_turned_away;
    phase_.ends_with_it();
    return flush();
  }
  within_memory([this] {
    std::string received(exchange_ ? exchange_->input.unread() : std::string_view());
    drop_exchange();
    set().replace(*this, service().http2(shard_, *this, std::move(received)));
  });
}

/// Writes 101. The upgrade waits in outgoing.to until the kernel has it.
void h1_connection::begin_upgrade(const response& r) {
  exchange& x = *exchange_;
  if (x.info.http_1_0) return answered(own_mark::set(text("an upgrade needs HTTP/1.1\n", 400)));
  const std::shared_ptr<upgrade> to = response_access::source(r)->upgrade;
  write_switching(shard_.output(), r, framing_of(false), to->protocol());
  close_at_ = nowhere;
  x.records.responded(service().access_log, &x.req, remote(), 101, 0, request_end::answered);
  end_call();
  response_made(request_end::answered);
  x.in_pieces = true;
  x.outgoing.open = true;  // from now on nothing is read as HTTP
  x.outgoing.to = to;
  flush();
}

/// The kernel has every byte of the 101 and of all answers before it.
void h1_connection::hand_over() noexcept {
  try {
    const std::shared_ptr<upgrade> to = std::move(exchange_->outgoing.to);
    std::string behind(exchange_->input.unread());
    drop_exchange();
    set().replace(*this, to->make_replacement(*this, std::move(behind), shard_));
  } catch (const std::exception& error) {  // out of memory
    service().log.error(service().name, "a connection was cut", {{"cause", error.what()}});
    end(connection_end::forced);
  }
}

}  // namespace lastcall::inline v0::http::detail
