#include "lastcall/core/lifecycle/verb_queue.hpp"

#include <gtest/gtest.h>

namespace lastcall::verb_queue_test {

TEST(verb_queue, runs_verbs_one_after_the_other_in_the_order_in_which_they_came) {
  verb_queue q;
  EXPECT_TRUE(q.order(verb::announce));
  EXPECT_FALSE(q.order(verb::drain));
  EXPECT_FALSE(q.order(verb::stop));
  EXPECT_EQ(q.inside(), verb::announce);
  EXPECT_EQ(q.returned(verb::announce), verb::drain);
  EXPECT_EQ(q.returned(verb::drain), verb::stop);
  EXPECT_EQ(q.returned(verb::stop), verb::none);
  EXPECT_FALSE(q.any_under_way());
}

TEST(verb_queue, lets_force_overtake_and_stop_wait_for_it) {
  verb_queue q;
  EXPECT_TRUE(q.order(verb::drain));
  EXPECT_TRUE(q.order(verb::force));
  EXPECT_EQ(q.inside(), verb::drain);
  EXPECT_EQ(q.returned(verb::drain), verb::none);
  EXPECT_EQ(q.inside(), verb::force);
  EXPECT_FALSE(q.order(verb::stop));
  EXPECT_EQ(q.returned(verb::force), verb::stop);
}

TEST(verb_queue, begins_a_verb_other_than_stop_beside_force) {
  verb_queue q;
  EXPECT_TRUE(q.order(verb::force));
  EXPECT_TRUE(q.order(verb::drain));
}

TEST(verb_queue, takes_back_only_what_waits) {
  verb_queue q;
  q.order(verb::announce);
  q.order(verb::drain);
  EXPECT_TRUE(q.take_back(verb::drain));
  EXPECT_FALSE(q.take_back(verb::drain));
  EXPECT_FALSE(q.take_back(verb::announce));
  EXPECT_EQ(q.returned(verb::announce), verb::none);
}

TEST(verb_queue, asks_each_question_once_at_a_time_beside_all_verbs) {
  verb_queue q;
  q.order(verb::stop);
  EXPECT_TRUE(q.order(verb::in_progress));
  EXPECT_FALSE(q.order(verb::in_progress));
  EXPECT_TRUE(q.order(verb::account));
  EXPECT_EQ(q.inside(), verb::stop);
  EXPECT_EQ(q.returned(verb::in_progress), verb::none);
  EXPECT_TRUE(q.order(verb::in_progress));
}

}  // namespace lastcall::verb_queue_test
