#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lastcall/core/app/app_double_test.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::app_monitoring_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;

TEST(app_monitoring, measures_the_app_and_its_components) {
  journal notes;
  app a{quiet()};
  a.add("http", double_of("http", notes, {.measure = [](metrics& m) { m.counter("a_total", "As.", 7); }}));
  a.start();
  metrics m;
  a.measure(m);
  const std::string text = m.text();
  EXPECT_THAT(text, HasSubstr("\nlastcall_ready 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_phase{phase=\"serving\"} 1\nlastcall_phase{phase=\"announced\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_component_state{component=\"http\",state=\"running\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_components_left 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlastcall_log_lines_dropped_total 0\n"));
  EXPECT_THAT(text, HasSubstr("\na_total{component=\"http\"} 7\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("shutdown_left")));
  a.shutdown(deadline(10s));
  EXPECT_EQ(a.status().cause, "requested");
  EXPECT_EQ(a.status().phase, app_phase::over);
}

}  // namespace lastcall::app_monitoring_test
