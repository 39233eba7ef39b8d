#include "lastcall/core/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace lastcall::metrics_test {

TEST(metrics, is_empty_before_anybody_has_added) { EXPECT_EQ(metrics().text(), ""); }

TEST(metrics, writes_help_and_type_once_and_samples_of_a_name_together) {
  metrics m;
  m.of_component("http");
  m.counter("a_total", "As.", 1, {{"how", "well"}});
  m.gauge("b", "Bs.", 2.5);
  m.of_component("api");
  m.counter("a_total", "ignored", 2, {{"how", "badly"}});
  m.of_component("");
  m.counter("a_total", "", 3);
  EXPECT_EQ(m.text(),
            "# HELP a_total As.\n"
            "# TYPE a_total counter\n"
            "a_total{component=\"http\",how=\"well\"} 1\n"
            "a_total{component=\"api\",how=\"badly\"} 2\n"
            "a_total 3\n"
            "# HELP b Bs.\n"
            "# TYPE b gauge\n"
            "b{component=\"http\"} 2.5\n");
}

TEST(metrics, sums_the_counts_of_a_histogram_up_to_each_bound) {
  metrics m;
  const double bounds[] = {0.001, 1, 2.5};
  const std::uint64_t counts[] = {3, 0, 4, 1};
  m.histogram("t_seconds", "Time.", bounds, counts, 12.25, {{"x", "y"}});
  EXPECT_EQ(m.text(),
            "# HELP t_seconds Time.\n"
            "# TYPE t_seconds histogram\n"
            "t_seconds_bucket{x=\"y\",le=\"0.001\"} 3\n"
            "t_seconds_bucket{x=\"y\",le=\"1\"} 3\n"
            "t_seconds_bucket{x=\"y\",le=\"2.5\"} 7\n"
            "t_seconds_bucket{x=\"y\",le=\"+Inf\"} 8\n"
            "t_seconds_sum{x=\"y\"} 12.25\n"
            "t_seconds_count{x=\"y\"} 8\n");
  EXPECT_THROW(m.histogram("u_seconds", "", bounds, std::span(counts, 3), 0), std::invalid_argument);
}

TEST(metrics, keeps_what_is_shown_elsewhere_out_of_the_text) {
  metrics m;
  m.of_component("http");
  m.show("connections", 3).show("kinds", 2, "http1");
  ASSERT_EQ(m.shown().size(), 2U);
  EXPECT_EQ(m.shown()[1].component, "http");
  EXPECT_EQ(m.shown()[1].part, "http1");
  EXPECT_EQ(m.shown()[1].value, 2U);
  EXPECT_EQ(m.text(), "");
}

TEST(metrics, escapes_what_would_end_a_value_or_a_line) {
  metrics m;
  m.gauge("a", "back\\slash \"quote\" new\nline", 0, {{"v", "back\\slash \"quote\" new\nline \xff \xc3\xa4"}});
  EXPECT_EQ(m.text(),
            "# HELP a back\\\\slash \"quote\" new\\nline\n"
            "# TYPE a gauge\n"
            "a{v=\"back\\\\slash \\\"quote\\\" new\\nline \xef\xbf\xbd \xc3\xa4\"} 0\n");
}

TEST(metrics, writes_every_number) {
  metrics m;
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {0., -1.5, 1e21, 1e-7, infinity, -infinity, std::nan("")}) m.gauge("a", "", value);
  m.counter("b", "", std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(m.text(),
            "# HELP a \n# TYPE a gauge\n"
            "a 0\na -1.5\na 1e+21\na 1e-07\na +Inf\na -Inf\na NaN\n"
            "# HELP b \n# TYPE b counter\nb 18446744073709551615\n");
}

TEST(metrics, refuses_names_that_nobody_could_read) {
  metrics m;
  for (const char* name : {"", "1a", "a-b", "a b", "\xc3\xa4", "a\n"}) {
    EXPECT_THROW(m.counter(name, "", 0), std::invalid_argument) << name;
    EXPECT_THROW(m.counter("fine", "", 0, {{name, "v"}}), std::invalid_argument) << name;
  }
  EXPECT_THROW(m.counter("fine", "", 0, {{"a:b", "v"}}), std::invalid_argument);
  EXPECT_THROW(m.counter("fine", "", 0, {{"__a", "v"}}), std::invalid_argument);
  EXPECT_THROW(m.gauge("fine", "", 0), std::invalid_argument) << "it is a counter";
}

}  // namespace lastcall::metrics_test
