// For a program's own tests of its shutdown: virtual time, component doubles, real programs, a bad network, the client
// that accounts for every request, and what an adapter must hold.
#pragma once

#include "lastcall/testing/check_adapter.hpp"
#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/fault_relay.hpp"
#include "lastcall/testing/harness.hpp"
#include "lastcall/testing/program.hpp"
#include "lastcall/testing/virtual_clock.hpp"
