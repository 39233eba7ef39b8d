// What the pages speak of and don't show, as far as lastcall/app.hpp goes. Declared only: fragments are compiled, not
// run.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/app.hpp"

using namespace std::chrono_literals;

extern lastcall::app& app;
extern lastcall::context ctx;

void beat();
void fetch();

struct other_server {
  void listen(int port);
  bool is_running() const;
  void stop();
};
extern other_server server;

struct database {
  void open();
  void close();
};
extern database pool;
extern lastcall::handle<lastcall::component> store;
