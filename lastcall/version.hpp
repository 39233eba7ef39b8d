// Which version this is, for the preprocessor and for a log line. lastcall/app.hpp has it, too.
#pragma once

#include "lastcall/core/report/version.hpp"
