// The whole of a program that ends well: app, components, contexts, deadlines, gates, the registry of sessions.
// Standard library only.
#pragma once

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/app/functions.hpp"
#include "lastcall/core/app/registry.hpp"
#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/gate.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/manager/passed_descriptors.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/report/version.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/core/signals/signals.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
