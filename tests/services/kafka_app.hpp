// Consumers and producers in an app of the test.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <variant>

#include "lastcall/app.hpp"
#include "lastcall/kafka.hpp"
#include "tests/services/kafka_fixture.hpp"

namespace service_tests {

namespace kafka = lastcall::kafka;

// A group that is new waits 3 s for its members.
constexpr lastcall::duration patience = 60s;

template <class F> bool holds_within(lastcall::duration most, const F& what) {
  for (const lastcall::deadline by(most); !what(); std::this_thread::sleep_for(2ms))
    if (by.passed(std::chrono::steady_clock::now())) return false;
  return true;
}

/// The reserve is long, so that a machine that is busy has time for what comes after force.
inline lastcall::app_options quiet_app(lastcall::duration grace) {
  return {.grace = grace,
          .reserve = grace / 2,
          .signals = {},
          .sink = [](const lastcall::log_record&) {},
          .environment = false};
}

/// A field of a component's part of a report; empty if it is not there.
inline std::string field(const lastcall::report& of, const std::string& component, const std::string& name) {
  for (const auto& each : of.components)
    if (each.name == component)
      for (const auto& [key, value] : each.fields)
        if (key == name) {
          if (const auto* const number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
          return std::get<std::string>(value);
        }
  return {};
}

}  // namespace service_tests
