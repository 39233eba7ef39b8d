#include <cstdio>
#include <exception>
#include <map>

#include "tests/field/inputs.hpp"

int main(int argc, char** argv) {
  const std::map<std::string, int (*)(const field::arguments&)> inputs{
      {"catch_all_route", field::catch_all_route},
      {"dropped_privileges", field::dropped_privileges},
      {"foreign_exception", field::foreign_exception},
      {"forked_helper", field::forked_helper},
      {"io_context_with_threads", field::io_context_with_threads},
      {"large_head", field::large_head},
      {"last_modified", field::last_modified},
      {"no_descriptor_left", field::no_descriptor_left},
      {"own_io_context", field::own_io_context},
      {"static_app_exit", field::static_app_exit},
      {"thread_exit", field::thread_exit},
  };
  const auto wanted = argc > 1 ? inputs.find(argv[1]) : inputs.end();
  if (wanted == inputs.end()) return 2;
  try {
    return wanted->second(field::arguments(argv + 2, argv + argc));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
