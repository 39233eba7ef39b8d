// The orders in their database. An order, its line and its event are stored in one transaction: the event waits in the
// table `outbox` until it is with Kafka.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "order.hpp"
#include "parts.hpp"

namespace shop {

/// Functions block, until their context ends at most, and let `lastcall::unavailable` out when the database is not to
/// be had now.   Threads: any.
class orders {
 public:
  struct numbers {
    std::int64_t orders = 0, newest = 0, published = 0, consumed = 0, duplicates = 0;
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
