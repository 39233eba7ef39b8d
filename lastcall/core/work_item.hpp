// One piece of work in progress, which a shutdown may wait for; for log lines and the report. Not a ledger.
#pragma once

#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct work_item {
  std::string label{};   ///< what it is: "GET /slow?ms=2000"
  std::string remote{};  ///< for which client: "10.0.0.7:51234"; empty if for none
  duration age{};
  std::string waits_for{};  ///< "the stock (orders.cpp:42)", from `waiting` (core/context.hpp); empty without one
};

/// As text: "GET /slow for 10.0.0.7:51234, for 1.233s, waits for the stock (orders.cpp:42)".
std::string to_text(const work_item& of);

}  // namespace lastcall::inline v0
