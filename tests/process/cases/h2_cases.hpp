// All cases of HTTP/2, as frames, by topic. Each is true of the testbed (docs/testbed.md) with --h2c --max-body 100000;
// docs/conformance.md says where we are stricter.
#pragma once

#include "tests/process/cases/h2_frame_cases.hpp"
#include "tests/process/cases/h2_message_cases.hpp"
