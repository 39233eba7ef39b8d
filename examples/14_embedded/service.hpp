// A service as its main() and its tests both build it: into an app that is given.
#pragma once

#include <atomic>
#include <cstdint>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

/// Outlives the app that it was built into.
class service {
 public:
  /// Port 0: any that is free. Returns what serves, for who needs it.
  lastcall::component_ref build(lastcall::app& app, std::uint16_t port);
  std::uint16_t port() const { return server_->addresses().front().port(); }
  /// What the worker has written down.
  int written() const { return written_; }

 private:
  lastcall::handle<lastcall::http::server> server_;
  std::atomic<int> asked_ = 0;
  std::atomic<int> written_ = 0;
};
