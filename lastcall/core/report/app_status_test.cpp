#include "lastcall/core/report/app_status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastcall::app_status_test {

using namespace std::chrono_literals;

TEST(app_status, says_which_components_a_start_waits_for) {
  app_status s{.components = {{.name = "admin", .state = component_state::running},
                              {.name = "postgres", .state = component_state::starting},
                              {.name = "http", .state = component_state::waiting}}};
  EXPECT_EQ(unready_because(s), "starting: postgres, http");
  EXPECT_EQ(s.running(), 1U);
}

TEST(app_status, says_how_long_it_has_not_been_ready) {
  app_status s{.phase = app_phase::serving, .announced = 1500ms + 7us};
  EXPECT_EQ(unready_because(s), "announced; not ready for 1.5s") << "before the components were told";
  s.phase = app_phase::draining;
  EXPECT_EQ(unready_because(s), "draining; not ready for 1.5s");
}

TEST(app_status, needs_no_reason_to_be_ready) { EXPECT_EQ(unready_because({.ready = true}), ""); }

TEST(app_status, counts_what_has_started_and_not_stopped) {
  app_status s;
  for (std::size_t i = 0; i < component_states; ++i)
    s.components.push_back({.name = "a", .state = static_cast<component_state>(i)});
  EXPECT_EQ(s.running(), 4U);
}

TEST(app_status, is_json) {
  EXPECT_EQ(to_json(app_status{}),
            R"({"schema":1,"phase":"starting","ready":false,"cause":"","announced_ms":null,"until_force_ms":null,)"
            R"("left_ms":null,"components":[]})");
  EXPECT_EQ(
      to_json({.phase = app_phase::draining,
               .cause = "SIGTERM from \"x\"",
               .announced = 1s,
               .until_force = 2500us,
               .left = 20s,
               .components = {{"http", component_state::draining, 3, 1, {}, 0}}}),
      R"({"schema":1,"phase":"draining","ready":false,"cause":"SIGTERM from \"x\"","announced_ms":1000,)"
      R"("until_force_ms":3,"left_ms":20000,"components":[{"name":"http","state":"draining","connections":3,"requests":1}]})");
}

TEST(app_status, says_of_which_kinds_connections_are_and_how_many_were_told) {
  EXPECT_THAT(to_json({.components = {{.name = "http",
                                       .state = component_state::draining,
                                       .connections = 3,
                                       .requests = 1,
                                       .kinds = {{"http1", 1}, {"events", 2}},
                                       .told = 5}}}),
              testing::HasSubstr(R"("connections":3,"kinds":{"http1":1,"events":2},"told":5,"requests":1})"));
}

}  // namespace lastcall::app_status_test
