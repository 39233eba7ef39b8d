// An order, and the orders in their database. An order, its line and its event are stored in one transaction: the event
// waits in the table `outbox` until it is with Kafka.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parts.hpp"

namespace shop {

struct order {
  std::int64_t id = 0;
  std::string client_key{};  ///< chosen by the client: the same key is the same order, however often it is sent
  std::string item{};
  std::int64_t quantity = 0;
  std::string status = "accepted";  ///< then packed, then shipped
  bool published = false;           ///< its event is with Kafka
};

/// {"id":7,"client_key":"k","item":"tea","quantity":2,"status":"accepted","event":"pending"}
std::string to_json(const order&);
std::string to_json(const std::vector<order>&);

/// What a client asks for: client_key, item and quantity. Empty: it is no such object.
std::optional<order> order_of(std::string_view json);

/// Functions block, until their context ends at most, and let `lastcall::unavailable` out when the database is not to
/// be had now.   Threads: any.
class orders {
 public:
  struct numbers {
    long long orders = 0, newest = 0, published = 0, consumed = 0, duplicates = 0;
  };

  virtual ~orders() = default;
  /// Makes the tables if they are not there.
  virtual void prepare(const lastcall::context&) = 0;
  /// Empty: its key is there. `keep` is called when nothing but the commit can fail any more.
  virtual std::optional<order> add(const lastcall::context&, const order&, const std::function<void()>& keep) = 0;
  virtual std::optional<order> find(const lastcall::context&, std::int64_t id) = 0;
  virtual std::optional<order> find(const lastcall::context&, const std::string& client_key) = 0;
  /// The oldest first.
  virtual std::vector<order> list(const lastcall::context&, std::int64_t after, std::int64_t limit) = 0;
  virtual numbers count(const lastcall::context&) = 0;
  /// How many of each item were ordered.
  virtual std::unordered_map<std::string, std::int64_t> sold(const lastcall::context&) = 0;

  /// Orders whose events are not with Kafka yet, the oldest first.
  virtual std::vector<order> waiting(const lastcall::context&, std::int64_t limit) = 0;
  virtual void published(const lastcall::context&, const std::vector<order>&) = 0;
  /// One event was consumed as far as `status`; `shipped` is its end, and counts it. Empty: that order is not here.
  virtual std::optional<order> advance(const lastcall::context&, const order&, const std::string& status) = 0;

  lastcall::component_ref database = {};
};

/// Adds the component "database".   Errors: std::invalid_argument for a `db` that is neither sqlite:PATH nor
/// postgres:CONNINFO.
std::unique_ptr<orders> add_orders(const parts& to, const std::string& db);

/// For the log: how long its client waits for it.
std::string time_left(const lastcall::context&);

/// Opens the database alone, says what it holds as one JSON object, and whether that is whole.
bool check(const std::string& db);

}  // namespace shop
