#include "lastcall/http/requests/access_log.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lastcall::http::access_log_test {

using namespace std::chrono_literals;

const access_record full{.remote = "127.0.0.1:5",
                         .method = "GET",
                         .target = "/a?b=\"c\"",
                         .status = 200,
                         .bytes = 6,
                         .took = 1234567ns,
                         .request_id = "r1",
                         .trace_id = "t1",
                         .ended = request_end::forced};

TEST(access_log, is_json) {
  EXPECT_EQ(to_json(full),
            R"({"remote":"127.0.0.1:5","method":"GET","target":"/a?b=\"c\"","status":200,"bytes":6,"ms":1.235,)"
            R"("ended":"forced","request_id":"r1","trace_id":"t1"})");
  EXPECT_EQ(to_json({}), R"({"remote":"","method":"","target":"","status":0,"bytes":0,"ms":0,"ended":"answered"})");
}

TEST(access_log, cuts_a_target_or_method_rather_than_its_line) {
  const std::string target(16 * 1024, '"');
  EXPECT_LT(to_json({.target = target}).size(), 2500U);
  EXPECT_LT(to_json({.method = target}).size(), 300U) << "and a method";
}

TEST(access_log, goes_through_a_logger_at_info) {
  std::vector<std::string> lines;
  const auto keep = [&](const log_record& r) { lines.push_back(std::string(r.component) + " " + std::string(r.text)); };
  access_log_to(logger(log_level::info, keep), "http")(full);
  access_log_to(logger(log_level::warning, keep))(full);
  EXPECT_THAT(lines, ::testing::ElementsAre("http " + to_json(full)));
}

}  // namespace lastcall::http::access_log_test
