// Brokers for trying the shop out: kafka_mock, as a process of its own that lives on when the shop ends.
#pragma once

#include <string>

namespace shop {

/// Starts them if they are not there, and gives their addresses. Call it while the process has one thread: it forks.
/// Blocks: 30 s at most.   Errors: std::runtime_error that says where their log is.
std::string embedded_kafka(const std::string& data);

/// False: none ran.   Blocks: 30 s at most.
bool stop_embedded_kafka(const std::string& data);

}  // namespace shop
