// One loop's part of an HTTP server: what its connections share without a lock. Not a connection, and not the server.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/message/date.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/serving/access_log.hpp"
#include "lastcall/http/serving/batched_writes.hpp"
#include "lastcall/http/serving/coroutines.hpp"
#include "lastcall/http/serving/exchange.hpp"
#include "lastcall/http/serving/http2_choice.hpp"
#include "lastcall/http/serving/request_stats.hpp"
#include "lastcall/http/serving/websocket_counts.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/loop/thread_pool.hpp"

namespace lastcall::inline v0::http::detail {

struct call_environment;

/// What all shards of one server read. Does not change while it serves.
struct service {
  router routes;
  http::limits limits;
  bool health = true;      ///< answers /livez and /readyz where no route does
  function<bool()> ready;  ///< what /readyz says
  context life;            ///< handed to plain handlers
  logger log;
  std::string name;
  net::thread_pool* pool = nullptr;  ///< for blocking handlers
  access_sink access_log;
  bool request_ids = false;
  const http2_choice* http2 = nullptr;
  bool h2c = false;  ///< HTTP/2 in cleartext, for clients that begin with its preface
};

/// Threads: its loop's only, but for `requests` and reading the stats.
class shard {
 public:
  shard(std::shared_ptr<const detail::service> service, net::connection_set& connections);

  exchange& borrow();
  void give_back(exchange&) noexcept;

  /// Where the responses of one wake are gathered, so that a pipeline is sent at once. Empty outside of a connection's
  /// turn.
  std::string& output() noexcept { return output_; }
  /// Handlers may wake others of this loop in the middle of a connection's turn: those find it empty, too.
  class separate_output {
   public:
    explicit separate_output(shard& s) noexcept : shard_(s) {
      if (!s.output_.empty()) others_.swap(s.output_);
    }
    /// Nothing of ours stays behind, also not what a failed allocation left half written: it would go to another
    /// client.
    ~separate_output() {
      shard_.output_.clear();
      if (!others_.empty()) others_.swap(shard_.output_);
    }
    separate_output(const separate_output&) = delete;
    separate_output& operator=(const separate_output&) = delete;

   private:
    shard& shard_;
    std::string others_;
  };
  /// Where short responses wait for those of others.
  detail::batched_writes& batched_writes() noexcept { return batched_writes_; }
  /// Gives back what one large response has made of it.
  void trim_output() noexcept {
    if (output_.capacity() > 1024 * 1024) output_ = std::string();
  }
  std::string_view date() { return date_.text(std::time(nullptr)); }

  const detail::service& service() const noexcept { return *service_; }
  const std::shared_ptr<const call_environment>& environment() const noexcept { return environment_; }
  detail::coroutines& coroutines() noexcept { return coroutines_; }
  /// The parent of the calls' contexts, so that those of different loops share no lock.
  const context& life() const noexcept { return life_; }
  /// How long the client of a long-lived response that was told of the drain may take no byte of it from `now` on: less
  /// than others, since it would be cut at the drain's end as if our work was not done.
  duration told_write_time(time_point now) const noexcept {
    const duration most = std::min<duration>(service_->limits.write_time, std::chrono::seconds(3));
    return std::max(std::min(most, (life_.drain_end() - now) / 2), duration::zero());
  }
  /// The server has started: `life` is known.
  void begin(const context& life) { life_ = context_source(life).get(); }
  net::connection_set& set() const noexcept { return set_; }

  request_ledger requests() const noexcept {
    return {.begun = begun.value(),
            .answered = answered.value(),
            .rejected = rejected.value(),
            .abandoned_by_client = abandoned.value(),
            .handed_over = 0,
            .forced = forced.value(),
            .broken = broken.value()};
  }
  net::tally begun, answered, rejected, abandoned, forced, broken;
  /// HTTP/2 streams that came after the last one of a GOAWAY: no request has begun.
  net::tally refused_streams;
  request_stats stats;
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
