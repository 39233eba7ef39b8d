#include "lastcall/core/lifecycle/drain_chains.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace lastcall::drain_chains_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(drain_chains, longest_adds_up_along_needs_and_not_across_branches) {
  //         pg 2s  redis 5s   http 3s needs both   worker 4s needs pg
  const auto c = longest_chain({{}, {}, {0, 1}, {0}}, {2s, 5s, 3s, 4s});
  EXPECT_EQ(c.takes, 8s);
  EXPECT_THAT(c.nodes, ElementsAre(2, 1));
}

TEST(drain_chains, longest_of_nothing_is_nothing) {
  EXPECT_THAT(longest_chain({}, {}).nodes, IsEmpty());
  EXPECT_EQ(longest_chain({{}, {0}}, {0s, 0s}).takes, 0s);
}

TEST(drain_chains, longest_does_not_overflow) {
  EXPECT_GT(longest_chain({{}, {0}, {1}}, {duration::max(), duration::max(), duration::max()}).takes, 48h);
  EXPECT_EQ(longest_chain({{}, {0}}, {duration::min(), 5s}).takes, 5s);
}

duration slowly(const std::vector<std::vector<std::size_t>>& graph, const std::vector<duration>& takes,
                std::size_t at) {
  duration most{};
  for (const std::size_t need : graph[at]) most = std::max(most, slowly(graph, takes, need));
  return most + takes[at];
}

TEST(drain_chains, longest_is_that_of_a_search_of_all) {
  std::mt19937 random(7);
  for (int n = 0; n < 2000; ++n) {
    std::vector<std::vector<std::size_t>> graph(1 + random() % 9);
    std::vector<duration> takes;
    duration most{};
    for (std::size_t i = 0; i < graph.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j)
        if (random() % 3 == 0) graph[i].push_back(j);
      takes.push_back(std::chrono::seconds(random() % 5));
      most = std::max(most, slowly(graph, takes, i));
    }
    const auto c = longest_chain(graph, takes);
    ASSERT_EQ(c.takes, most);
    duration sum{};
    for (const std::size_t node : c.nodes) sum += takes[node];
    ASSERT_EQ(sum, most) << "the nodes are those of the chain";
  }
}

TEST(drain_chains, critical_path_goes_back_by_the_last_that_needed_each) {
  EXPECT_THAT(critical_path({{}, {}, {0, 1}, {0}}, {90.0, 20.0, 10.0, 80.0}), ElementsAre(3, 0));
  EXPECT_THAT(critical_path({{}, {0}, {1}}, {30.0, 20.0, std::nullopt}), ElementsAre(1, 0)) << "one never stopped";
  EXPECT_THAT(critical_path({{}}, {std::nullopt}), IsEmpty());
}

}  // namespace lastcall::drain_chains_test
