// Kafka: a consumer that works on each message at least once and leaves its group in order, and a producer that says
// what became of each record.
#pragma once

#include "lastcall/adapters/kafka/consumer.hpp"
#include "lastcall/adapters/kafka/message.hpp"
#include "lastcall/adapters/kafka/producer.hpp"
