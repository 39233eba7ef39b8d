// The same for coroutines.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/task.hpp"
#include "tests/docs/app.hpp"

extern std::vector<std::string> rows;
extern std::string owned;
std::string answer(std::string_view line);

struct things_in_stock {
  lastcall::task<std::string> reserve(std::string_view id);
};
extern things_in_stock stock;

lastcall::task<> run(lastcall::function<void()> job);
lastcall::task<bool> other(int s);
extern int s;

boost::asio::ip::tcp::socket& client_of_all();
