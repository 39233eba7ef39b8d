#include "lastcall/adapters/redis/session_effect.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace lastcall::redis::session_effect_test {

using detail::session_effect;
using detail::session_verb;
using detail::session_verb_of;

/// A command, and the error that it is refused with.
struct command {
  command(const char* of, std::string_view why = {}) : name(of), refusal(why) {}
  std::string_view name;
  std::string_view refusal;
};

session_effect of(std::initializer_list<command> all) {
  session_effect left;
  for (const command& each : all) left.add(session_verb_of(each.name), each.refusal);
  return left;
}

TEST(session_effect, of_common_commands_is_none) { EXPECT_TRUE(of({"GET", "SET", "XADD", "EVAL"}).is_none()); }

TEST(session_effect, of_a_transaction_ends_with_it) {
  EXPECT_TRUE(of({"MULTI"}).in_transaction());
  EXPECT_FALSE(of({"multi", "SET"}).is_none());
  EXPECT_TRUE(of({"MULTI", "SET", "exec"}).is_none());
  EXPECT_TRUE(of({"WATCH", "MULTI", "SET", "DISCARD"}).is_none());
  EXPECT_FALSE(of({"MULTI", "EXEC", "MULTI"}).is_none());
}

TEST(session_effect, of_a_transaction_is_what_the_server_says_of_it) {
  EXPECT_TRUE(of({{"MULTI", "NOPERM"}}).is_none());
  EXPECT_TRUE(
      of({"WATCH", "MULTI", {"EXEC", "EXECABORT Transaction discarded because of previous errors."}}).is_none());
  EXPECT_FALSE(of({"MULTI", {"DISCARD", "NOPERM"}}).is_none());
  EXPECT_FALSE(of({"MULTI", {"MULTI", "ERR MULTI calls can not be nested"}}).is_none());
}

TEST(session_effect, of_a_watch_ends_with_unwatch_or_a_transaction) {
  EXPECT_FALSE(of({"WATCH", "GET"}).is_none());
  EXPECT_TRUE(of({"WATCH", "Unwatch"}).is_none());
  EXPECT_FALSE(of({"WATCH", "MULTI", "UNWATCH"}).is_none()) << "it is only queued";
  EXPECT_TRUE(of({"WATCH", "MULTI", "EXEC"}).is_none());
  EXPECT_FALSE(of({"WATCH", {"EXEC", "ERR EXEC without MULTI"}}).is_none());
  EXPECT_FALSE(of({"WATCH", {"DISCARD", "ERR DISCARD without MULTI"}}).is_none());
  EXPECT_FALSE(of({"WATCH", {"UNWATCH", "NOPERM"}}).is_none());
}

TEST(session_effect, of_another_database_or_user_stays) {
  EXPECT_FALSE(of({"SELECT"}).is_none());
  EXPECT_FALSE(of({"auth", "MULTI", "EXEC"}).is_none());
  EXPECT_FALSE(of({"CLIENT"}).is_none());
  EXPECT_TRUE(of({{"SELECT", "ERR DB index is out of range"}}).is_none());
}

TEST(session_effect, knows_what_takes_the_connection_over) {
  EXPECT_EQ(session_verb_of("SUBSCRIBE"), session_verb::take_over);
  EXPECT_EQ(session_verb_of("psubscribe"), session_verb::take_over);
  EXPECT_EQ(session_verb_of("MONITOR"), session_verb::take_over);
}

}  // namespace lastcall::redis::session_effect_test
