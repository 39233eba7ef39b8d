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

TEST(app_status, is_not_ready_for_what_the_program_says) {
  EXPECT_EQ(unready_because({.phase = app_phase::serving, .unready = "db: no connection for 12s"}),
            "db: no connection for 12s");
}

TEST(app_status, counts_what_has_started_and_not_stopped) {
  app_status s;
  for (std::size_t i = 0; i < component_states; ++i)
    s.components.push_back({.name = "a", .state = static_cast<component_state>(i)});
  EXPECT_EQ(s.running(), 4U);
}

TEST(app_status, is_json) {
  EXPECT_EQ(
      to_json(app_status{}),
      R"({"schema":1,"phase":"starting","ready":false,"unready":"","cause":"","announced_ms":null,"until_force_ms":null,)"
      R"("left_ms":null,"components":[]})");
  EXPECT_EQ(
      to_json({.phase = app_phase::draining,
               .cause = "SIGTERM from \"x\"",
               .announced = 1s,
               .until_force = 2500us,
               .left = 20s,
               .components = {{"http", component_state::draining}}}),
      R"({"schema":1,"phase":"draining","ready":false,"unready":"","cause":"SIGTERM from \"x\"",)"
      R"("announced_ms":1000,"until_force_ms":3,"left_ms":20000,"components":[{"name":"http","state":"draining"}]})");
}

TEST(app_status, has_the_numbers_that_each_component_shows) {
  metrics m;
  m.of_component("http");
  m.show("connections", 3).show("kinds", 1, "http1").show("kinds", 2, "events").show("told", 5).show("requests", 1);
  m.of_component("tcp");
  m.show("connections", 0).show("kinds", 4, "tcp");
  const std::string json = to_json({.components = {{.name = "http"}, {.name = "other"}, {.name = "tcp"}}}, m);
  EXPECT_THAT(json, testing::HasSubstr(
                        R"("connections":3,"kinds":{"http1":1,"events":2},"told":5,"requests":1},{"name":"other",)"
                        R"("state":"waiting"},{"name":"tcp","state":"waiting","connections":0,"kinds":{"tcp":4}}])"));
}

}  // namespace lastcall::app_status_test
