// The parity table: each case over HTTP/1.1 and HTTP/2, each in clear and over TLS. What the client sees, and what the
// ledger, metrics, access log, work in progress and report say, must be the same; a difference that stays is named in
// its row, with its RFC.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "lastcall/http/requests/body_pacing.hpp"
#include "lastcall/http/server/parity_case_test.hpp"

namespace lastcall::http::parity_test {

using namespace std::chrono_literals;
using namespace testing_parity;
using detail::body_pacing;

const auto with_ids = [](server_options& o) { o.request_ids = true; };
const auto one_thread = [](server_options& o) { o.blocking = {.threads = 1, .queue = 0}; };
const auto little_body = [](server_options& o) { o.limits.body_bytes = 100; };
const auto little_time = [](server_options& o) { o.limits.head_time = o.limits.body_time = 200ms; };

/// Behind a request that holds the only thread of the pool. The two requests end in one order, the held one last.
script beside_a_full_pool(script then) {
  return [=](visit& v) {
    v.fill_the_pool();
    then(v);
  };
}

std::vector<parity_case> forms() {
  return {
      {"plain", get("/plain"), {200}},
      {"coroutine", get("/coroutine"), {200}},
      {"coroutine_that_waits", get("/pause"), {200}},
      {"responder", get("/responder"), {200}},
      {"blocking", get("/blocking"), {200}},
      {"responder_that_answers_later",
       [](visit& v) {
         v.here().head("GET", "/kept", {}, true);
         ASSERT_TRUE(v.is_inside());
         v.look_at_work();
         v.on.kept[0].send(text("late"));
         v.hear();
       },
       {200}},
      {"head_of_plain", ask("HEAD", "/plain"), {200}},
      {"head_of_streamed", ask("HEAD", "/made"), {200}},
      {"head_of_streamed_by_length", ask("HEAD", "/made_by_length"), {200}},
      {"head_of_file", ask("HEAD", "/file"), {200}},
      {"head_of_nothing", ask("HEAD", "/none"), {404, rejected}},
      {"plain_throws", get("/throws"), {500}},
      {"coroutine_throws", get("/coroutine_throws"), {500}},
      {"responder_throws", get("/responder_throws"), {500}},
      {"responder_is_dropped", get("/responder_drops"), {500}},
      {"blocking_throws", get("/blocking_throws"), {500}},
      {"body_error_is_not_caught", get("/body_error/422"), {422}},
      {"body_error_of_no_status", get("/body_error/9999"), {500}},
      {"body_error_503", get("/body_error/503"), {503}},
      {"status_204", get("/status/204"), {204}},
      {"status_205", get("/status/205"), {205}},
      {"status_304", get("/status/304"), {304}},
      {"status_503_of_a_handler", get("/status/503"), {503}},
      {"two_requests_one_after_the_other",
       [](visit& v) {
         v.ask("GET", "/plain");
         v.ask("GET", "/coroutine");
       },
       {200}},
  };
}

std::vector<parity_case> routes() {
  return {
      {"no_route", get("/none"), {404, rejected}},
      {"no_route_for_a_body", post("/none", "body"), {404, rejected}},
      {"another_method", ask("DELETE", "/plain"), {405, rejected}},
      {"options", ask("OPTIONS", "/plain"), {204, rejected}},
      {"an_unknown_method", ask("BREW", "/plain"), {501, rejected}},
      {"a_malformed_percent", get("/%zz"), {400, rejected}},
      {"dots", get("/a/../plain"), {400, rejected}},
      {"livez", get("/livez"), {200}},
      {"readyz", get("/readyz"), {200}},
      {"readyz_by_another_method", ask("POST", "/readyz"), {405, rejected}},
      {"a_query", get("/plain?a=b&c"), {200}},
      {"target_too_long", get("/" + std::string(20'000, 'x')), {414, rejected}},
      {"head_too_large", get("/plain", {{"x-much", std::string(20'000, 'x')}}), {431, rejected}},
      {"too_many_fields", get("/plain", fields(120, {"x", "y"})), {431, rejected}},
      {"unknown_expectation", get("/plain", {{"expect", "miracles"}}), {417, rejected}},
      {"id_of_the_client", get("/plain", {{"x-request-id", "mine-1"}}), {200}, with_ids},
      {"id_of_the_server", get("/plain"), {200}, with_ids},
      {"id_of_a_refusal", get("/none"), {404, rejected}, with_ids},
      {"id_of_a_body_too_large", post("/small", std::string(11, 'x'), of_length(11)), {413, rejected}, with_ids},
      {"trace_of_the_client",
       get("/plain", {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}),
       {200}},
      {"after", get("/after"), {200}},
      {"before", get("/before"), {401}},
      {"around", get("/around"), {200}},
      {"around_blocking", get("/around_blocking"), {200}},
  };
}

std::vector<parity_case> bodies() {
  return {
      {"collected_by_length", post("/collected", "12345", of_length(5)), {200}},
      {"collected_without_length", post("/collected", "12345"), {200}},
      {"collected_and_empty", post("/collected", ""), {200}},
      {"collected_too_large_by_length", post("/small", std::string(11, 'x'), of_length(11)), {413, rejected}},
      {"collected_too_large_without_length", post("/small", std::string(11, 'x')), {413, rejected}},
      {"collected_beyond_the_limit_of_all", post("/collected", std::string(101, 'x')), {413, rejected}, little_body},
      {"taken", post("/taken", "12345"), {200}},
      {"taken_by_length", post("/taken", "12345", of_length(5)), {200}},
      {"taken_with_trailers", post("/taken", "12345", {{"trailer", "sum"}}, {{"sum", "x"}}), {200}},
      {"taken_on_a_thread", post("/taken_blocking", "12345"), {200}},
      {"taken_too_large", post("/taken_small", std::string(11, 'x')), {413}},
      {"taken_too_large_by_length", post("/taken_small", std::string(11, 'x'), of_length(11)), {413, rejected}},
      {"not_taken", post("/ignored", "12345", of_length(5)), {200}},
      {"echo", post("/echo", "12345"), {200}},
      {"saved", post("/save", "12345"), {200}},
      {"continue_for_collected",
       [](visit& v) {
         v.here().head("POST", "/collected", {{"expect", "100-continue"}, {"content-length", "5"}}, false);
         EXPECT_TRUE(eventually([&] { return v.here().answer_comes_within(10ms); }));
         v.here().piece("12345");
         v.here().end({});
         v.hear();
       },
       {200}},
      {"continue_for_taken",
       [](visit& v) {
         v.here().head("POST", "/taken", {{"expect", "100-continue"}, {"content-length", "5"}}, false);
         EXPECT_TRUE(eventually([&] { return v.here().answer_comes_within(10ms); }));
         v.here().piece("12345");
         v.here().end({});
         v.hear();
       },
       {200}},
      {"continue_for_no_route",
       [](visit& v) {
         v.here().head("POST", "/none", {{"expect", "100-continue"}, {"content-length", "5"}}, false);
         v.hear();
       },
       {404, rejected}},
      {"continue_for_a_body_too_large",
       [](visit& v) {
         v.here().head("POST", "/small", {{"expect", "100-continue"}, {"content-length", "11"}}, false);
         v.hear();
       },
       {413, rejected}},
      {"collected_too_slowly",
       [](visit& v) {
         v.here().head("POST", "/collected", of_length(100), false);
         v.here().piece("12345");
         v.hear();
       },
       {408, rejected},
       little_time},
      {"taken_too_slowly",
       [](visit& v) {
         v.here().head("POST", "/taken", of_length(100), false);
         v.here().piece("12345");
         v.hear();
       },
       {408},
       little_time},
      {"taken_too_slowly_on_a_thread",
       [](visit& v) {
         v.here().head("POST", "/taken_blocking", of_length(100), false);
         v.here().piece("12345");
         v.hear();
       },
       {408},
       little_time},
      {"head_too_slow",
       [](visit& v) {
         v.here().half_a_head();
         v.hear();
       },
       {408, rejected},
       little_time,
       expectation{0, rejected},
       {{&facts::client, "RFC 9113 section 4.3: no other frame may stand in a header block, so the connection ends"},
        {&facts::metrics, "so there is no response that could be counted"},
        {&facts::access_log, "and no status"}}},
  };
}

std::vector<parity_case> responses() {
  return {
      {"made", get("/made"), {200}},
      {"made_with_trailers", get("/made", {{"te", "trailers"}}), {200}},
      {"made_by_length", get("/made_by_length"), {200}},
      {"made_on_a_thread", get("/made_blocking"), {200}},
      {"breaks", get("/breaks"), {200, broken}},
      {"breaks_on_a_thread", get("/breaks_blocking"), {200, broken}},
      {"too_short", get("/too_short"), {200, broken}},
      {"too_long", get("/too_long"), {200, broken}},
      {"file", get("/file"), {200}},
      {"file_in_part", get("/file", {{"range", "bytes=2-5"}}), {206}},
      {"file_beyond_its_end", get("/file", {{"range", "bytes=20-"}}), {416}},
      {"file_unchanged", get("/file", {{"if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"}}), {304}},
      {"no_file", get("/no_file"), {404}},
      {"full_pool", beside_a_full_pool(get("/blocking")), {503, rejected}, one_thread},
      {"full_pool_for_a_maker", beside_a_full_pool(get("/made_blocking")), {503, rejected}, one_thread},
      {"full_pool_for_a_job", beside_a_full_pool(post("/save", "12345", of_length(5))), {503}, one_thread},
      {"full_pool_behind_around", beside_a_full_pool(get("/around_blocking")), {503}, one_thread},
      {"full_pool_behind_around_that_answers", beside_a_full_pool(get("/around_cached")), {200}, one_thread},
  };
}

/// The client begins, and goes while the handler works.
script leaves_in(std::string target) {
  return [=](visit& v) {
    v.here().head("GET", target, {}, true);
    ASSERT_TRUE(v.is_inside());
    v.look_at_work();
    v.here().leave();
  };
}

std::vector<parity_case> departures() {
  return {
      {"leaves_a_coroutine", leaves_in("/wait"), {0, abandoned}},
      {"leaves_a_responder", leaves_in("/kept"), {0, abandoned}},
      {"leaves_a_thread", leaves_in("/wait_blocking"), {0, abandoned}},
      {"leaves_a_body", leaves_in("/drips"), {200, abandoned}},
      {"leaves_events", leaves_in("/events"), {200, abandoned}},
      {"leaves_its_own_body",
       [](visit& v) {
         v.here().head("POST", "/collected", of_length(100), false);
         v.here().piece("12345");
         ASSERT_TRUE(v.has_begun());
         v.look_at_work();
         v.here().leave();
       },
       {0, abandoned}},
      {"leaves_a_body_that_is_taken",
       [](visit& v) {
         v.here().head("POST", "/taken", of_length(100), false);
         v.here().piece("12345");
         ASSERT_TRUE(eventually([&] { return v.on.pieces > 0; }));
         v.look_at_work();
         v.here().leave();
       },
       {0, abandoned}},
      {"sends_its_end_behind_the_request",
       [](visit& v) {
         v.here().head("GET", "/pause", {}, true);
         v.here().half_close();
         v.hear();
       },
       {200}},
      {"sends_its_end_where_that_means_that_it_goes",
       [](visit& v) {
         v.here().head("GET", "/wait_fin", {}, true);
         ASSERT_TRUE(v.is_inside());
         v.here().half_close();
         v.hear();
       },
       {503}},
  };
}

/// The client begins, and the server is told to stop while the handler works.
script drained_in(std::string target) {
  return [=](visit& v) {
    v.here().head("GET", target, {}, true);
    ASSERT_TRUE(v.is_inside());
    v.look_at_work();
    v.shut_down();
    v.hear();
  };
}

script uploads_at_the_drain_end(std::string target, std::size_t bytes, duration each) {
  return [=](visit& v) {
    v.here().head("POST", target, of_length(50'000'000), false);
    v.here().piece("first");
    v.shut_down();
    sends_until_answered(v, bytes, each);
  };
}

const auto large_bodies = [](server_options& o) { o.limits.body_bytes = 100'000'000; };

std::vector<parity_case> shutdowns() {
  return {
      {"finishes_in_the_drain", drained_in("/finish"), {200}},
      {"last_words_of_a_coroutine", drained_in("/wait"), {503, forced, 3}},
      {"last_words_of_a_thread", drained_in("/wait_blocking"), {503, forced, 3}},
      {"cut_while_it_is_kept", drained_in("/kept"), {0, forced, 3}},
      {"a_body_that_ends_at_the_drain_end", drained_in("/drips"), {200, forced, 3}},
      {"events_in_a_drain", drained_in("/events"), {200}},
      {"upload_at_the_drain_end", uploads_at_the_drain_end("/collected", 10'000, 10ms), {503, forced, 3}, large_bodies},
      {"slow_upload_at_the_drain_end",
       uploads_at_the_drain_end("/collected", 1000, 250ms),
       {503, forced, 3},
       large_bodies},
      {"upload_that_is_taken_at_the_drain_end",
       uploads_at_the_drain_end("/taken", 10'000, 10ms),
       {503, forced, 3},
       large_bodies},
      {"slow_upload_that_is_taken_at_the_drain_end",
       uploads_at_the_drain_end("/taken", 1000, 250ms),
       {503, forced, 3},
       large_bodies},
      {"slow_upload_that_a_thread_takes_at_the_drain_end",
       uploads_at_the_drain_end("/taken_blocking", 1000, 250ms),
       {503, forced, 3},
       large_bodies},
      {"responder_that_answers_in_the_drain",
       [](visit& v) {
         v.here().head("GET", "/kept", {}, true);
         ASSERT_TRUE(v.is_inside());
         v.shut_down();
         v.on.kept[0].send(text("late"));
         v.hear();
       },
       {200}},
      {"upload_that_stands_still_at_the_drain_end",
       [](visit& v) {
         v.here().head("POST", "/collected", of_length(100), false);
         v.here().piece("12345");
         std::this_thread::sleep_for(body_pacing::stands_still);  // the client's silence
         v.shut_down();
         v.hear();
       },
       {408, rejected}},
  };
}

std::vector<parity_case> timeouts() {
  const auto twice = [](const char* first) { return [=](visit& v) { v.ask("GET", first), v.ask("GET", "/plain"); }; };
  const auto with_header = [](server_options& o) { o.timeout_header = "X-Timeout"; };
  return {
      {"plain_that_is_late", get("/late/plain"), {504, late}},
      {"coroutine_that_is_late", get("/late/coroutine"), {504, late}},
      {"responder_that_is_late", get("/late/kept"), {504, late}},
      {"thread_that_is_late", get("/late/blocking"), {504, late}},
      {"head_of_what_is_late", ask("HEAD", "/late/blocking"), {504, late}},
      {"request_behind_a_plain_one_that_is_late", twice("/late/plain"), {200}},
      {"request_behind_a_coroutine_that_is_late", twice("/late/coroutine"), {200}},
      {"request_behind_a_thread_that_is_late", twice("/late/blocking"), {200}},
      {"body_that_is_late", get("/late/drips"), {200, late}},
      {"body_of_a_thread_that_is_late", get("/late/drips_blocking"), {200, late}},
      {"taken_body_that_is_late",
       [](visit& v) {
         v.here().head("POST", "/late/taken", of_length(10), false);
         v.here().piece("12345");
         v.hear();
       },
       {504, late}},
      {"longer_timeout_of_a_route", get("/late/longer"), {200}},
      {"late_in_a_drain",
       [](visit& v) {
         v.here().head("GET", "/wait", {{"x-timeout", "400"}}, true);
         ASSERT_TRUE(v.is_inside());
         v.shut_down();
         v.hear();
       },
       {504, late},
       with_header},
      {"timeout_of_the_client", get("/wait", {{"x-timeout", "50"}}), {504, late}, with_header},
      {"timeout_of_the_client_for_grpc", get("/wait", {{"x-timeout", "50000u"}}), {504, late}, with_header},
      {"timeout_of_the_client_is_no_longer", get("/late/coroutine", {{"x-timeout", "9S"}}), {504, late}, with_header},
      {"timeout_of_the_client_that_is_kept", get("/pause", {{"x-timeout", "9S"}}), {200}, with_header},
      {"malformed_timeout_of_the_client", get("/plain", {{"x-timeout", "soon"}}), {400, rejected}, with_header},
      {"timeout_of_the_client_that_nobody_reads", get("/plain", {{"x-timeout", "soon"}}), {200}},
  };
}

struct parity : ::testing::TestWithParam<parity_case> {};

TEST_P(parity, holds_over_all_transports) {
  const parity_case& each = GetParam();
  const authority ca;
  const authority::files keys = ca.issue({}, "server");
  std::vector<std::future<facts>> visits;
  for (const transport t : transports)
    visits.push_back(std::async(std::launch::async, [&, t] {
      visit v(t, each.with, ca, keys);
      each.does(v);
      return v.leaves();
    }));
  std::vector<facts> told;
  for (auto& one : visits) told.push_back(one.get());

  for (const transport t : transports) {
    const auto i = static_cast<std::size_t>(t);
    SCOPED_TRACE(testing::Message() << "transport " << i << ": " << told[i].access_log);
    const expectation& right = is_http2(t) && each.over_http2 ? *each.over_http2 : each.becomes;
    EXPECT_EQ(told[i].exit_code, right.exit_code);
    // "GET /plain 200 2 bytes, answered, …", without its first words.
    const std::string line = told[i].last.substr(told[i].last.find(' ', told[i].last.find(' ') + 1) + 1);
    EXPECT_EQ(line.substr(0, line.find(' ')), std::to_string(right.status));
    EXPECT_EQ(line.substr(line.find("bytes, ") + 7).substr(0, to_text(right.ended).size() + 1),
              std::string(to_text(right.ended)) + ",");
    // Over TLS nothing differs; HTTP/2 differs where the row says so.
    const std::size_t before = t == transport::tls_h2 ? 1 : 0;
    for (std::string facts::* fact :
         {&facts::client, &facts::ledger, &facts::metrics, &facts::access_log, &facts::work, &facts::report}) {
      const bool may_differ = t == transport::h2c && std::any_of(each.differs.begin(), each.differs.end(),
                                                                 [&](const difference& d) { return d.in == fact; });
      if (!may_differ) {
        EXPECT_EQ(told[i].*fact, told[before].*fact);
      }
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<parity_case>& of) { return of.param.name; }

INSTANTIATE_TEST_SUITE_P(forms, parity, ::testing::ValuesIn(forms()), name_of);
INSTANTIATE_TEST_SUITE_P(routes, parity, ::testing::ValuesIn(routes()), name_of);
INSTANTIATE_TEST_SUITE_P(bodies, parity, ::testing::ValuesIn(bodies()), name_of);
INSTANTIATE_TEST_SUITE_P(responses, parity, ::testing::ValuesIn(responses()), name_of);
INSTANTIATE_TEST_SUITE_P(departures, parity, ::testing::ValuesIn(departures()), name_of);
INSTANTIATE_TEST_SUITE_P(timeouts, parity, ::testing::ValuesIn(timeouts()), name_of);
INSTANTIATE_TEST_SUITE_P(shutdowns, parity, ::testing::ValuesIn(shutdowns()), name_of);

}  // namespace lastcall::http::parity_test
