// One piece of work in progress, which a shutdown may wait for; for log lines and the report. Not a ledger.
#pragma once

#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0 {

struct work_item {
  std::string label{};   ///< what it is: "GET /slow?ms=2000"
  std::string remote{};  ///< for which client: "10.0.0.7:51234"; empty if for none
  duration age{};
  std::string
      waits_for{};  ///< "the stock (orders.cpp:42)", from `waiting` (core/context/context.hpp); empty without one
};

/// As text: "GET /slow for 10.0.0.7:51234, for 1.233s, waits for the stock (orders.cpp:42)".
inline std::string to_text(const work_item& of) {
  std::string text = of.label;
  if (!of.remote.empty()) text.append(" for ").append(of.remote);
  text.append(", for ").append(to_text(std::chrono::floor<std::chrono::milliseconds>(of.age)));
  if (!of.waits_for.empty()) text.append(", waits for ").append(of.waits_for);
  return text;
}

}  // namespace lastcall::inline v0
