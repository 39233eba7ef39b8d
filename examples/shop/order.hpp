// One order, and how it looks outside of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace shop
