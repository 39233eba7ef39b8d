// One loop's part of an HTTP server: what its connections share without a lock. Not a connection, and not the server.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log.hpp"
#include "lastcall/core/report.hpp"
#include "lastcall/http/access_log.hpp"
#include "lastcall/http/date.hpp"
#include "lastcall/http/detail/body_reader.hpp"
#include "lastcall/http/detail/h1_parser.hpp"
#include "lastcall/http/detail/request_stats.hpp"
#include "lastcall/http/detail/request_trail.hpp"
#include "lastcall/http/limits.hpp"
#include "lastcall/http/request.hpp"
#include "lastcall/http/router.hpp"
#include "lastcall/net/connection_set.hpp"

namespace lastcall::inline v0::http::detail {

/// What all shards of one server read. Does not change while it serves.
struct service {
  router routes;
  http::limits limits;
  bool health = true;      ///< answers /livez and /readyz where no route does
  function<bool()> ready;  ///< what /readyz says
  context life;            ///< handed to handlers
  logger log;
  std::string name;
  access_sink access_log;
  bool request_ids = false;
};

/// What a connection holds from the first byte of a request to the end of its response: the bytes, and what is known of
/// them. Handed out last in, first out, so that a few warm ones serve many connections.
struct exchange {
  explicit exchange(std::size_t bytes) : buffer(new char[bytes]), capacity(bytes) {}

  std::unique_ptr<char[]> buffer;
  std::size_t capacity;
  std::size_t begin = 0;    ///< of the present request
  std::size_t end = 0;      ///< of what was received
  std::size_t head = 0;     ///< bytes of the present head; 0 while it is incomplete
  std::size_t tail = 0;     ///< of the present body, once complete: its bytes behind the head
  std::size_t scanned = 0;  ///< parse_head's
  message_info info;
  request req;
  body_reader reader;
  std::string body;
  request_trail trail;

  std::string_view unread() const noexcept { return {buffer.get() + begin, end - begin}; }
  /// Where to receive: never empty. Moves what is unread to the front when little is left behind it.
  std::span<char> room() noexcept;
};

/// Threads: its loop's only, but for `requests` and reading the stats.
class shard {
 public:
  shard(const service& of, net::connection_set& connections) noexcept : service_(of), set_(connections) {}

  exchange& borrow();
  void give_back(exchange&) noexcept;

  /// Where the responses of one wake are gathered, so that a pipeline is sent at once.
  std::string& out() noexcept { return out_; }
  /// Gives back what one large response has made of it.
  void trim() noexcept {
    if (out_.capacity() > 1024 * 1024) out_ = std::string();
  }
  std::string_view date() { return date_.text(std::time(nullptr)); }

  const service& of() const noexcept { return service_; }
  net::connection_set& set() const noexcept { return set_; }

  request_ledger requests() const noexcept {
    return {.begun = begun.value(),
            .answered = answered.value(),
            .rejected = rejected.value(),
            .abandoned_by_client = abandoned.value(),
            .handed_over = 0,
            .forced = forced.value()};
  }
  net::tally begun, answered, rejected, abandoned, forced;
  request_stats stats;

 private:
  const service& service_;
  net::connection_set& set_;
  std::vector<std::unique_ptr<exchange>> spare_;
  std::string out_;
  date_cache date_;
};

}  // namespace lastcall::inline v0::http::detail
