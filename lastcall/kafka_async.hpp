// Kafka for coroutines: a producer's room and deliveries are awaited.
#pragma once

#include "lastcall/adapters/kafka/async_producer.hpp"
#include "lastcall/kafka.hpp"
