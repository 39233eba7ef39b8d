// The inventory: a gRPC service that knows how many there are of each item. Its memory is the orders themselves: at the
// start it counts what was sold, so nothing can be sold twice, however the last process ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "orders.hpp"
#include "parts.hpp"

namespace shop {

/// A client of the service.   Threads: any.
class inventory {
 public:
  /// What was taken and is not sold yet: given back at its end, unless it is kept.
  struct reservation {
    inventory& from;
    std::string item;
    std::int64_t quantity = 0;
    bool kept = false;

    ~reservation() {
      if (!kept) from.give_back(item, quantity);
    }
    reservation& operator=(reservation&&) = delete;
  };

  virtual ~inventory() = default;
  /// False: there are not so many. A call without an answer may have taken them: they are missing until the next start,
  /// and never sold twice.   Blocks: until the answer is here; the time that its context has left goes with the call.
  /// Errors: lastcall::unavailable.
  virtual bool reserve(const lastcall::context&, const std::string& item, std::int64_t quantity) = 0;
  virtual void give_back(const std::string& item, std::int64_t quantity) noexcept = 0;
  /// HOST:PORT, where the service listens.
  virtual std::string address() const = 0;

  lastcall::component_ref service = {};
};

/// Adds the component "inventory". `of_each`: how many there are; empty: no end. `port` 0: a free one.
std::unique_ptr<inventory> add_inventory(const parts& to, orders& sold, std::optional<std::int64_t> of_each,
                                         const std::string& host, std::uint16_t port, lastcall::needs stands_on);

}  // namespace shop
