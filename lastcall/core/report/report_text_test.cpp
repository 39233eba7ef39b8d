#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lastcall/core/report/report_sample_test.hpp"

namespace lastcall::report_text_test {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing_core::sample_report;

TEST(report_text, says_in_a_few_lines_who_asked_how_long_it_took_and_what_was_cut) {
  report r = sample_report();
  EXPECT_EQ(to_text(r),
            "SIGTERM from pid 7 (kubelet); drained after 1.2346s of 20s; exit 0\n"
            "  connections: accepted=5 closed_clean=2 closed_by_remote=1 timed_out=1 forced=1\n"
            "  requests: begun=9 answered=8 rejected=1\n");
  r.outcome = outcome::hung;
  r.exit_code = 4;
  r.components[0].hung = true;
  r.components[1].forced = true;
  r.errors = {"tcp: stop: no luck"};
  EXPECT_THAT(to_text(r), HasSubstr("hung after 1.2346s of 20s; exit 4\n"));
  EXPECT_THAT(to_text(r),
              testing::EndsWith(
                  "  hung: http, which never said that it had drained\n  forced: tcp\n  error: tcp: stop: no luck\n"));
  EXPECT_THAT(r.hung(), testing::ElementsAre("http"));
}

TEST(report_text, names_the_other_causes) {
  report r;
  EXPECT_THAT(to_text(r), HasSubstr("not asked to end"));
  r.cause.kind = cause_kind::request;
  EXPECT_THAT(to_text(r), HasSubstr("requested; "));
  r.cause.text = "leader lost";
  EXPECT_THAT(to_text(r), HasSubstr("requested: leader lost; "));
  r.cause.kind = cause_kind::failed_start;
  r.outcome = outcome::failed;
  r.cause.text = "http: address in use";
  EXPECT_THAT(to_text(r), StartsWith("failed start; failed after"));
  EXPECT_THAT(to_text(r), Not(HasSubstr("address in use")));
}

TEST(report_text, of_a_failed_start_says_what_was_ended_again) {
  report r;
  r.cause.kind = cause_kind::failed_start;
  r.cause.text = "component \"http\" failed to start: address in use";
  EXPECT_THAT(to_text(r), HasSubstr("\n  had started, and was ended again: nothing\n"));
  r.components = {
      {.name = "pg", .start_ms = 1.0, .stopped = true}, {.name = "redis", .start_ms = 1.0}, {.name = "http"}};
  EXPECT_THAT(to_text(r), HasSubstr("\n  had started, and was ended again: pg, redis\n"));
}

}  // namespace lastcall::report_text_test
