#include "lastcall/http/requests/access_log.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "lastcall/core/log/log_line.hpp"

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
  const auto keep = [&](const log_record& r) {
    char line[log_line_bytes];
    lines.emplace_back(format_log_line(line, {}, r));
    lines.emplace_back(format_log_json(line, {}, r));
  };
  access_log_to(logger(log_level::info, keep), "http")(full);
  access_log_to(logger(log_level::info, keep))({.route = "/{all...}"});
  access_log_to(logger(log_level::warning, keep))(full);
  EXPECT_THAT(
      lines,
      ::testing::ElementsAre(
          "1970-01-01T00:00:00.000Z info  http: request remote=127.0.0.1:5 method=GET target=\"/a?b=\\\"c\\\"\" "
          "status=200 bytes=6 ms=1.235 ended=forced request_id=r1 trace_id=t1\n",
          R"({"time":"1970-01-01T00:00:00.000Z","level":"info","component":"http","text":"request","fields":)"
          R"({"remote":"127.0.0.1:5","method":"GET","target":"/a?b=\"c\"","status":"200","bytes":"6","ms":"1.235",)"
          R"("ended":"forced","request_id":"r1","trace_id":"t1"}})"
          "\n",
          "1970-01-01T00:00:00.000Z info  access: request remote=\"\" method=\"\" target=\"\" status=0 bytes=0 "
          "ms=0.000 "
          "ended=answered route=/{all...}\n",
          ::testing::_));
}

TEST(access_log, has_room_in_a_line_for_any_target) {
  const std::string target(16 * 1024, '\xff');
  std::string line;
  access_log_to(logger(log_level::info, [&](const log_record& r) {
    char into[log_line_bytes];
    line = format_log_json(into, {}, r);
  }))({.target = target, .trace_id = "t1"});
  EXPECT_THAT(line, ::testing::EndsWith(R"("trace_id":"t1"}})"
                                        "\n"));
}

}  // namespace lastcall::http::access_log_test
