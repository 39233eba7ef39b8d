// Redis: a pool of connections, commands that their context bounds, streams with consumer groups, subscriptions.
#pragma once

#include "lastcall/adapters/redis/consumer.hpp"
#include "lastcall/adapters/redis/pool.hpp"
#include "lastcall/adapters/redis/subscription.hpp"
