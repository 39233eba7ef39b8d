// All cases of HTTP/1.1, as conversations. Each is true of the testbed (docs/testbed.md) with --max-body 100000;
// docs/conformance.md says where we are stricter than the RFC, and why.
#pragma once

#include "tests/process/cases/answer_cases.hpp"
#include "tests/process/cases/body_cases.hpp"
#include "tests/process/cases/connection_cases.hpp"
#include "tests/process/cases/head_cases.hpp"

namespace process_tests {

inline conversations conformance_cases() {
  return request_line_cases() + target_cases() + host_cases() + field_cases() + length_cases() + chunked_cases() +
         expect_cases() + persistence_cases() + pipelining_cases() + method_cases() + status_cases() +
         streaming_cases() + half_close_cases();
}

}  // namespace process_tests
