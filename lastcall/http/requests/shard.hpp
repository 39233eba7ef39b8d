// A shard is one event loop's part of an HTTP server: the memory, the counters and the clock text that all connections
// of that loop share. A server has one shard for each loop. A connection stays with its loop for life, so nothing here
// needs a lock. It is neither a connection nor the server.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/message/date.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/requests/access_log.hpp"
#include "lastcall/http/requests/batched_writes.hpp"
#include "lastcall/http/requests/coroutines.hpp"
#include "lastcall/http/requests/exchange.hpp"
#include "lastcall/http/requests/http2.hpp"
#include "lastcall/http/requests/request_stats.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/loop/thread_pool.hpp"

namespace lastcall::inline v0::http::detail {

struct call_environment;

/// The configuration of one server, which all its shards read. It does not change while the server runs.
struct service {
  router routes;
  http::limits limits;
  context life;  ///< handed to plain handlers
  logger log;
  std::string name;
  net::thread_pool* pool = nullptr;  ///< for blocking handlers
  access_sink access_log;
  std::function<void(const request&, response&)> own_answers;
  bool request_ids = false;
  std::string timeout_header;  ///< in which clients say how long they wait; empty: in none
  make_http2* http2 = nullptr;
  bool h2c = false;  ///< HTTP/2 in cleartext, for clients that begin with its preface
};

/// Of the WebSockets of one loop, counted without a lock.   Threads: one writes, any may read.
struct websocket_counts {
  net::tally opened, received, sent;
  net::tally after_close;     ///< whole messages that arrived after the reads had ended
  net::tally broken;          ///< closed for what the remote sent: protocol, UTF-8, size
  net::tally too_slow;        ///< closed because a broadcast did not fit into the buffer
  net::tally skipped;         ///< broadcasts that were not sent, for the same reason
  net::tally never_answered;  ///< the remote did not finish the closing handshake in time
  net::tally dead;            ///< the remote did not answer a ping
};

/// Threads: the loop's only. Any thread may call `requests` and read the counters and statistics.
class shard {
 public:
  shard(std::shared_ptr<const detail::service> service, net::connection_set& connections);

  /// An exchange from the spare ones, or a new one. `give_back` takes it back.
  exchange& borrow();
  void give_back(exchange&) noexcept;

  /// Where the responses of one wake are gathered, so that a pipeline is sent at once. Empty between the wakes of
  /// connections.
  std::string& output() noexcept { return output_; }
  /// Gives its scope an empty output, and restores the former one. Needed because a handler may run code of another
  /// connection of this loop, in the middle of a wake.
  class separate_output {
   public:
    explicit separate_output(shard& s) noexcept : shard_(s) {
      if (!s.output_.empty()) others_.swap(s.output_);
    }
    /// Clears what is left, for example half a response after a failed allocation: it must not go to another client.
    ~separate_output() {
      shard_.output_.clear();
      if (!others_.empty()) others_.swap(shard_.output_);
    }
    separate_output& operator=(separate_output&&) = delete;

   private:
    shard& shard_;
    std::string others_;
  };
  /// Where short responses wait for the end of the loop's batch of events.
  detail::batched_writes& batched_writes() noexcept { return batched_writes_; }
  /// Frees the memory of `output` after a large response.
  void trim_output() noexcept {
    if (output_.capacity() > 1024 * 1024) output_ = std::string();
  }
  std::string_view date() { return date_.text(std::time(nullptr)); }

  const detail::service& service() const noexcept { return *service_; }
  const std::shared_ptr<const call_environment>& environment() const noexcept { return environment_; }
  detail::coroutines& coroutines() noexcept { return coroutines_; }
  /// The parent of the contexts of this loop's requests, so that loops share no lock.
  const context& life() const noexcept { return life_; }
  /// How long a client of a long-lived response may take no byte, from `now` on, once the response was told of the
  /// drain. Less than write_time: at the drain end the connection would count as forced, although no work of the server
  /// is open.
  duration told_write_time(time_point now) const noexcept {
    const duration most = std::min<duration>(service_->limits.write_time, std::chrono::seconds(3));
    return std::max(std::min(most, (life_.drain_end() - now) / 2), duration::zero());
  }
  /// The server has started, with this context.
  void begin(const context& life) { life_ = context_source(life).get(); }
  net::connection_set& set() const noexcept { return set_; }

  request_ledger requests() const noexcept {
    return {.begun = begun.value(),
            .answered = answered.value(),
            .rejected = rejected.value(),
            .abandoned_by_client = abandoned.value(),
            .handed_over = 0,
            .forced = forced.value(),
            .broken = broken.value(),
            .timed_out = timed_out.value()};
  }
  net::tally begun, answered, rejected, abandoned, forced, broken, timed_out;
  net::tally& column(request_end as) noexcept {
    switch (as) {
      case request_end::answered:
        return answered;
      case request_end::rejected:
        return rejected;
      case request_end::abandoned_by_client:
        return abandoned;
      case request_end::forced:
        return forced;
      case request_end::broken:
        return broken;
      case request_end::timed_out:
        break;
    }
    return timed_out;
  }
  /// HTTP/2 streams that came after the last stream of a GOAWAY. They are not requests that began.
  net::tally refused_streams;
  route_stats stats;
  log_limit late_lines{10};  ///< of handlers whose timeout passed
  log_limit cut_lines{10};   ///< of responses that were cut
  websocket_counts websockets;

 private:
  const std::shared_ptr<const detail::service> service_;
  net::connection_set& set_;
  const std::shared_ptr<const call_environment> environment_;
  detail::coroutines coroutines_;
  context life_;
  std::vector<std::unique_ptr<exchange>> spare_;
  std::string output_;
  detail::batched_writes batched_writes_;
  date_cache date_;
};

}  // namespace lastcall::inline v0::http::detail
