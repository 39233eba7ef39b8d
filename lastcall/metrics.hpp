// Numbers of components, in the text format of Prometheus.
#pragma once

#include "lastcall/core/metrics.hpp"
