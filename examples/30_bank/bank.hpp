// What a bank keeps, whatever database it is kept in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lastcall/app.hpp"

struct transfer {
  std::string key;
  int from = 0;
  int to = 0;
  std::int64_t amount = 0;
};

/// Functions block, and let `lastcall::unavailable` out when the database is not to be had now.
class bank {
 public:
  enum class outcome { done, balance_too_small, no_such_account };

  virtual ~bank() = default;
  /// Makes the tables if they are not there.
  virtual void prepare(const lastcall::context&) = 0;
  /// All of it or nothing. The same key again: nothing is done twice.
  virtual outcome move(const lastcall::context&, const transfer&) = 0;
  virtual std::int64_t sum(const lastcall::context&) = 0;
  virtual std::optional<transfer> find(const lastcall::context&, const std::string& key) = 0;
  /// A query that takes so long.
  virtual void sleep(const lastcall::context&, int seconds) = 0;
};

/// A bank, and the component that it stands on.
struct kept_bank {
  std::unique_ptr<bank> it;
  lastcall::component_ref on;
};

kept_bank postgres_bank(lastcall::app& app, const std::string& conninfo, std::size_t connections);
kept_bank sqlite_bank(lastcall::app& app, const std::string& path, std::size_t connections);
