// One thing that somebody is at work on: what a shutdown waits for, told to people. Not an account.
#pragma once

#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct work_item {
  std::string label{};   ///< what it is: "GET /slow?ms=2000"
  std::string remote{};  ///< for whom: "10.0.0.7:51234"; empty where it is nobody's
  duration age{};
  std::string
      waits_for{};  ///< and where: "the stock (orders.cpp:42)"; empty where nobody has said it (core/context.hpp)
};

/// In a line for people: "GET /slow for 10.0.0.7:51234, for 1.233s, waits for the stock (orders.cpp:42)".
std::string to_text(const work_item& of);

}  // namespace lastcall::inline v0
