// What the shop is told on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lastcall/app.hpp"
#include "parts.hpp"

namespace shop {

struct options {
  lastcall::app_options app = {};
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  std::uint16_t grpc_port = 0;
  std::optional<std::uint16_t> admin_port = {};
  lastcall::duration jitter = std::chrono::seconds(1);
  std::string data = "./shop-data";
  std::string db = {};  ///< sqlite:PATH or postgres:CONNINFO
  std::string kafka = "embedded";
  std::optional<std::int64_t> stock = {};  ///< of each item; empty: no end
  ending ends = {};
  bool check = false;
  bool stop_kafka = false;
};

/// Ends the process with 2 for what it doesn't understand, with 0 after --help.
options read_options(int argc, char** argv);

}  // namespace shop
