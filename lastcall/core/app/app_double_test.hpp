// What the tests of the app share: quiet options, components that note their verbs, requests from another thread.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/lifecycle/component_double_test.hpp"

namespace lastcall::inline v0::testing_core {

inline app_options quiet(app_options options = {}) {
  options.signals = {};
  options.log = log_level::none;
  options.environment = false;
  return options;
}

inline std::unique_ptr<component> double_of(const char* name, journal& notes, behaviour does = {}) {
  return std::make_unique<component_double>(name, notes, std::move(does));
}

/// Asks for the end once the app is ready.
inline std::jthread asks_when_ready(app& a, std::string cause) {
  return std::jthread([&a, cause = std::move(cause)](const std::stop_token& given_up) {
    while (!a.ready() && !given_up.stop_requested()) std::this_thread::yield();
    a.request_shutdown(cause);
  });
}

inline std::string refusal(const std::function<void()>& misuse) {
  try {
    misuse();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace lastcall::inline v0::testing_core
