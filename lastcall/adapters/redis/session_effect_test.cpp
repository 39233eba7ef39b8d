#include "lastcall/adapters/redis/session_effect.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace lastcall::redis::session_effect_test {

using detail::session_effect;

session_effect of(std::initializer_list<std::string_view> names) {
  session_effect all;
  for (const std::string_view name : names) {
    session_effect one;
    EXPECT_TRUE(one.add(name)) << name;
    all.add(one);
  }
  session_effect together;
  for (const std::string_view name : names) together.add(name);
  EXPECT_EQ(all.is_none(), together.is_none());
  EXPECT_EQ(all.in_transaction(), together.in_transaction());
  return all;
}

TEST(session_effect, of_common_commands_is_none) { EXPECT_TRUE(of({"GET", "SET", "XADD", "EVAL"}).is_none()); }

TEST(session_effect, of_a_transaction_ends_with_it) {
  EXPECT_TRUE(of({"MULTI"}).in_transaction());
  EXPECT_FALSE(of({"multi", "SET"}).is_none());
  EXPECT_TRUE(of({"MULTI", "SET", "exec"}).is_none());
  EXPECT_TRUE(of({"WATCH", "MULTI", "SET", "DISCARD"}).is_none());
  EXPECT_FALSE(of({"MULTI", "EXEC", "MULTI"}).is_none());
}

TEST(session_effect, of_a_watch_ends_with_unwatch_or_a_transaction) {
  EXPECT_FALSE(of({"WATCH", "GET"}).is_none());
  EXPECT_TRUE(of({"WATCH", "Unwatch"}).is_none());
  EXPECT_FALSE(of({"WATCH", "MULTI", "UNWATCH"}).is_none()) << "it is only queued";
  EXPECT_TRUE(of({"WATCH", "MULTI", "EXEC"}).is_none());
}

TEST(session_effect, of_another_database_or_user_stays) {
  EXPECT_FALSE(of({"SELECT"}).is_none());
  EXPECT_FALSE(of({"auth", "MULTI", "EXEC"}).is_none());
  EXPECT_FALSE(of({"CLIENT"}).is_none());
}

TEST(session_effect, refuses_what_takes_the_connection_over) {
  EXPECT_FALSE(session_effect().add("SUBSCRIBE"));
  EXPECT_FALSE(session_effect().add("psubscribe"));
  EXPECT_FALSE(session_effect().add("MONITOR"));
}

}  // namespace lastcall::redis::session_effect_test
