#include "lastcall/net/loop/intrusive_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace lastcall::net::intrusive_list_test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct by_age;
struct item : list_hook<>, list_hook<by_age> {
  explicit item(int n) : number(n) {}
  int number;
};

template <class List> std::vector<int> numbers(List& list) {
  std::vector<int> all;
  for (const item& i : list) all.push_back(i.number);
  return all;
}

TEST(intrusive_list, keeps_the_order_of_arrival) {
  item a(1), b(2), c(3), d(4);
  intrusive_list<item> list;
  EXPECT_TRUE(list.empty());
  for (item* each : {&a, &b, &c, &d}) list.push_back(*each);
  EXPECT_THAT(numbers(list), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(list.front().number, 1);
}

TEST(intrusive_list, lets_an_element_be_on_a_list_of_each_tag) {
  item a(1), b(2);
  intrusive_list<item> list;
  intrusive_list<item, by_age> ages;
  list.push_back(a);
  list.push_back(b);
  ages.push_back(b);
  ages.push_back(a);
  list.erase(a);
  EXPECT_THAT(numbers(list), ElementsAre(2));
  EXPECT_THAT(numbers(ages), ElementsAre(2, 1));
}

TEST(intrusive_list, loses_an_element_that_is_destroyed) {
  auto a = std::make_unique<item>(1), b = std::make_unique<item>(2), c = std::make_unique<item>(3);
  intrusive_list<item> list;
  for (auto* i : {a.get(), b.get(), c.get()}) list.push_back(*i);
  b.reset();
  EXPECT_THAT(numbers(list), ElementsAre(1, 3));
  c.reset();
  a.reset();
  EXPECT_TRUE(list.empty());
}

TEST(intrusive_list, frees_its_elements_when_it_goes_first) {
  item a(1);
  {
    intrusive_list<item> list;
    list.push_back(a);
    EXPECT_TRUE(a.list_hook<>::is_linked());
  }
  EXPECT_FALSE(a.list_hook<>::is_linked());
}

TEST(intrusive_list, moves_an_element_from_list_to_list) {
  item a(1), b(2);
  intrusive_list<item> idle, busy;
  idle.push_back(a);
  idle.push_back(b);
  busy.push_back(a);
  EXPECT_THAT(numbers(idle), ElementsAre(2));
  EXPECT_THAT(numbers(busy), ElementsAre(1));
  idle.push_back(b);  // again: to its own end
  EXPECT_THAT(numbers(idle), ElementsAre(2));
}

TEST(intrusive_list, splices_in_order) {
  item a(1), b(2), c(3);
  intrusive_list<item> first, second;
  first.push_back(a);
  second.push_back(b);
  second.push_back(c);
  first.splice_back(second);
  EXPECT_THAT(numbers(first), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(second), IsEmpty());
  first.splice_back(second);
  first.splice_back(first);
  EXPECT_THAT(numbers(first), ElementsAre(1, 2, 3));
  second.splice_back(first);
  EXPECT_THAT(numbers(second), ElementsAre(1, 2, 3));
}

TEST(intrusive_list, lets_the_passed_element_go_during_iteration) {
  item a(1), b(2), c(3);
  intrusive_list<item> list;
  for (item* i : {&a, &b, &c}) list.push_back(*i);
  for (auto it = list.begin(); it != list.end();) {
    item& current = *it++;
    if (current.number != 2) list.erase(current);
  }
  EXPECT_THAT(numbers(list), ElementsAre(2));
}

TEST(intrusive_list, gives_its_first_until_empty) {
  item a(1), b(2);
  intrusive_list<item> list;
  list.push_back(a);
  list.push_back(b);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), nullptr);
}

}  // namespace lastcall::net::intrusive_list_test
