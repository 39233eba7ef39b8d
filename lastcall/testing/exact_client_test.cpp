#include "lastcall/testing/exact_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/testing/internal/faulty_server.hpp"
#include "lastcall/testing/probe_report.hpp"

namespace lastcall::testing::exact_client_test {

using namespace std::chrono_literals;

probe_options with(const std::vector<const char*>& loads, duration after = 200ms) {
  probe_options options{.after = after, .timeout = 20s};
  for (const auto* load : loads) options.loads.push_back(parse_load(load));
  return options;
}

probe_result run(faulty_server& server, const probe_options& options) {
  const auto result =
      run_probe(parse_server_address(server.url()), options, {.tell = [&] { server.stop(); }, .gone = server.gone()});
  for (const auto& load : result.loads) {
    EXPECT_EQ(load.count.outstanding(), 0u);
    EXPECT_EQ(load.count.ended(), load.count.begun());
  }
  return result;
}

/// What a load of requests says about the first seven, which suffered.
request_counts first_seven(fault what, const char* load) {
  SCOPED_TRACE(load);
  faulty_server server({.fault = what, .times = 7});
  const auto result = run(server, with({load}));
  const auto all = result.total();
  EXPECT_EQ(server.faults(), 7u);
  EXPECT_EQ(all.count(verdict::answered), server.answered());
  EXPECT_GT(server.answered(), 0u);
  EXPECT_EQ(all.count(verdict::late), 0u);
  EXPECT_EQ(all.count(verdict::refused_before), 0u);
  EXPECT_EQ(all.lost(), 7u);
  EXPECT_EQ(exit_code({.result = result}), 1);
  return all;
}

TEST(exact_client, finds_nothing_lost_at_a_correct_server) {
  const std::string local = "unix:/tmp/lastcall_exact_client_test." + std::to_string(::getpid());
  for (const auto& address : std::vector<std::string>{"127.0.0.1", "::1", local}) {
    SCOPED_TRACE(address);
    faulty_server server({.address = address});
    const auto result = run(server, with({"busy:8", "fresh:4", "half-closed:2", "idle:5"}));
    const auto all = result.total();
    EXPECT_EQ(all.lost(), 0u);
    EXPECT_EQ(all.count(verdict::late), 0u);
    EXPECT_EQ(all.count(verdict::refused_before), 0u);
    EXPECT_EQ(all.count(verdict::refused_after), 8u + 4u + 2u);  // each client that goes on is refused exactly once
    EXPECT_EQ(all.count(verdict::answered), server.answered());
    EXPECT_EQ(all.sent_requests(), server.answered());
    EXPECT_EQ(result.loads[1].connections, result.loads[1].count.sent_requests());
    EXPECT_EQ(result.loads[3].ends.fin, 5u);
    EXPECT_EQ(exit_code({.result = result}), 0) << verdict_line({.result = result});
    EXPECT_TRUE(result.exit && result.first_refusal && result.last_response);
  }
}

TEST(exact_client, counts_each_reset_exactly) {
  EXPECT_EQ(first_seven(fault::reset, "busy:4").count(verdict::reset), 7u);
  EXPECT_EQ(first_seven(fault::reset, "fresh:4").count(verdict::reset), 7u);
  EXPECT_EQ(first_seven(fault::reset_half_way, "busy:4").count(verdict::reset), 7u);
  // One that comes before the request was written is a broken pipe: lost as well.
  EXPECT_GE(first_seven(fault::reset_on_accept, "fresh:3").count(verdict::reset), 4u);
}

TEST(exact_client, counts_each_end_without_an_answer_exactly) {
  EXPECT_EQ(first_seven(fault::eof, "busy:4").count(verdict::eof), 7u);
  EXPECT_EQ(first_seven(fault::eof, "half-closed:3").count(verdict::eof), 7u);
}

TEST(exact_client, counts_a_connection_closed_on_accept_as_lost_whoever_was_faster) {
  const auto all = first_seven(fault::close_on_accept, "fresh:3");
  EXPECT_EQ(all.count(verdict::eof) + all.count(verdict::reset), 7u);
}

TEST(exact_client, counts_each_cut_answer_exactly) {
  EXPECT_EQ(first_seven(fault::cut, "busy:4").count(verdict::truncated), 7u);
  EXPECT_EQ(first_seven(fault::cut, "fresh:4").count(verdict::truncated), 7u);
}

TEST(exact_client, counts_answers_that_are_none_or_come_twice_as_garbage) {
  EXPECT_EQ(first_seven(fault::malformed, "busy:4").count(verdict::garbage), 7u);
  EXPECT_EQ(first_seven(fault::twice, "busy:4").count(verdict::garbage), 7u);
  EXPECT_EQ(first_seven(fault::twice, "fresh:4").count(verdict::garbage), 7u);
}

TEST(exact_client, counts_requests_that_hang_as_lost_by_timeout) {
  faulty_server hanging({.fault = fault::hang, .stop = stop_way::ignore});
  auto options = with({"inflight:5,lead=100ms"});
  options.timeout = 300ms;
  const auto all_hang = run(hanging, options);
  EXPECT_EQ(all_hang.total().count(verdict::timeout), 5u);
  EXPECT_EQ(all_hang.total().lost(), 5u);
  EXPECT_TRUE(all_hang.timed_out);
  EXPECT_EQ(exit_code({.result = all_hang}), 1);

  faulty_server twice({.fault = fault::hang, .times = 2});
  options = with({"busy:3"}, 2s);
  options.request_timeout = 1s;
  const auto result = run(twice, options);
  EXPECT_EQ(result.total().count(verdict::timeout), 2u);
  EXPECT_EQ(result.total().lost(), 2u);
  EXPECT_EQ(result.total().count(verdict::answered), twice.answered());
}

TEST(exact_client, counts_what_was_in_flight_when_a_server_slams_the_door) {
  for (const auto way : {stop_way::slam, stop_way::reset_all, stop_way::half_close}) {
    faulty_server server({.fault = fault::hang, .stop = way});
    const auto result = run(server, with({"inflight:6,lead=100ms"}));
    EXPECT_EQ(result.loads[0].in_flight, 6u);
    EXPECT_EQ(result.total().count(way == stop_way::reset_all ? verdict::reset : verdict::eof), 6u);
    EXPECT_EQ(result.total().begun(), 6u);
    EXPECT_EQ(result.fault, "");
  }
}

TEST(exact_client, calls_late_what_is_sent_after_the_end_had_arrived) {
  faulty_server server({.stop = stop_way::half_close});
  const auto options = with({"race:10,min=50ms,max=50ms"});
  const auto result = run_probe(parse_server_address(server.url()), options,
                                {.tell =
                                     [&] {
                                       server.stop();  // every end arrives while the clients look away …
                                       std::this_thread::sleep_for(200ms);  // … and the pause of each is over
                                     },
                                 .gone = server.gone()});
  const auto all = result.total();
  EXPECT_GT(all.count(verdict::late), 0u);
  EXPECT_EQ(all.count(verdict::late) + all.count(verdict::eof), 10u);
  EXPECT_EQ(all.lost(), all.count(verdict::eof));
  EXPECT_EQ(all.outstanding(), 0u);
  EXPECT_EQ(exit_code({.result = result}), 1);
}

TEST(exact_client, separates_refusals_before_the_signal_from_those_after) {
  faulty_server server({.listens = false});
  const auto result = run(server, with({"fresh:3"}));
  EXPECT_GT(result.total().count(verdict::refused_before), 0u);
  EXPECT_EQ(result.total().count(verdict::refused_after), 3u);
  EXPECT_EQ(result.total().lost(), 0u);
  EXPECT_EQ(result.loads[0].refused.count(), 3u);
  EXPECT_EQ(exit_code({.result = result}), 1);
}

TEST(exact_client, lists_other_statuses_than_expected) {
  faulty_server server({.fault = fault::error, .times = 7});
  const auto result = run(server, with({"busy:2"}));
  EXPECT_EQ(result.loads[0].unexpected, 7u);
  EXPECT_EQ(result.loads[0].status_class[5], 7u);
  EXPECT_EQ(result.total().lost(), 0u);
  EXPECT_EQ(exit_code({.result = result}), 1);

  faulty_server expected({.fault = fault::error});
  EXPECT_EQ(run(expected, with({"busy:2,expect=500"})).loads[0].unexpected, 0u);
}

TEST(exact_client, keeps_its_rate) {
  const auto as_often_as_told = [] {
    faulty_server server;
    const auto result = run(server, with({"fresh,rate=500"}, 1s));
    EXPECT_LE(result.loads[0].answered_before, 502u);
    EXPECT_EQ(result.loads[0].skipped, 0u);
    EXPECT_EQ(result.total().lost(), 0u);
    return result.loads[0].answered_before >= 450;
  };
  EXPECT_TRUE(median_says(as_often_as_told));
}

TEST(exact_client, skips_and_says_so_when_more_would_be_in_flight_than_allowed) {
  faulty_server server({.fault = fault::hang, .stop = stop_way::slam});
  const auto result = run(server, with({"fresh,rate=500,most=10"}));
  EXPECT_GT(result.loads[0].skipped, 0u);
  EXPECT_EQ(result.loads[0].in_flight, 10u);
  EXPECT_EQ(result.total().count(verdict::eof), 10u);
}

TEST(exact_client, verifies_uploads_and_downloads_to_the_byte) {
  {
    faulty_server server;
    const auto result =
        run(server,
            with({"upload:3,bytes=300000,over=300ms,lead=100ms", "download:3,bytes=8000000,over=300ms,lead=100ms"}));
    EXPECT_EQ(result.total().count(verdict::answered), 6u) << verdict_line({.result = result});
    EXPECT_EQ(result.loads[0].in_flight, 3u);
    EXPECT_EQ(result.loads[1].in_flight, 3u);
    EXPECT_EQ(result.fault, "");
  }
  for (const auto* load :
       {"upload:3,bytes=300000,over=200ms,lead=100ms", "download:3,bytes=300000,over=200ms,lead=100ms"}) {
    faulty_server server({.fault = fault::wrong_size, .times = 2});
    const auto result = run(server, with({load}));
    EXPECT_EQ(result.total().count(verdict::garbage), 2u) << load;
    EXPECT_EQ(result.total().count(verdict::answered), 1u) << load;
  }
  faulty_server server({.fault = fault::cut});
  EXPECT_EQ(run(server, with({"download:3,bytes=300000,over=200ms,lead=100ms"})).total().count(verdict::truncated), 3u);
}

TEST(exact_client, tells_how_silent_connections_ended) {
  faulty_server orderly({.stop = stop_way::drain});
  const auto fin = run(orderly, with({"idle:300", "idle:20,requests=0", "idle:5,requests=3"}));
  EXPECT_EQ(fin.loads[0].ends.fin, 300u);
  EXPECT_EQ(fin.loads[1].ends.fin, 20u);
  EXPECT_EQ(fin.loads[1].count.begun(), 0u);
  EXPECT_EQ(fin.loads[2].count.count(verdict::answered), 15u);

  faulty_server brutal({.stop = stop_way::reset_all});
  const auto rst = run(brutal, with({"idle:20", "idle:10,deaf=1"}));
  EXPECT_EQ(rst.loads[0].ends.rst, 20u);
  EXPECT_EQ(rst.loads[1].ends.rst, 10u);
  EXPECT_EQ(rst.total().lost(), 0u);
}

TEST(exact_client, says_when_it_could_not_measure) {
  {
    faulty_server server;
    const auto result = run(server, with({"inflight:2,path=/,lead=100ms"}));
    EXPECT_THAT(result.fault, ::testing::HasSubstr("only 0 of 2 requests were in flight"));
    EXPECT_EQ(exit_code({.result = result}), 5);
  }
  faulty_server server;
  server.stop();  // it is gone before the signal
  const auto result =
      run_probe(parse_server_address(server.url()), with({"busy:2"}, 10s), {.tell = [] {}, .gone = server.gone()});
  EXPECT_EQ(result.fault, "the server ended before the signal");
  EXPECT_EQ(exit_code({.result = result}), 5);
}

TEST(exact_client, tells_as_often_as_it_shall) {
  faulty_server server;
  unsigned told = 0;
  auto options = with({"busy:1"}, 50ms);
  options.signals = 5;
  options.spacing = 1ms;
  run_probe(parse_server_address(server.url()), options,
            {.tell =
                 [&] {
                   if (++told == 5) server.stop();
                 },
             .gone = server.gone()});
  EXPECT_EQ(told, 5u);
}

TEST(exact_client, refuses_times_with_which_it_could_not_reckon) {
  for (duration probe_options::* time : {&probe_options::after, &probe_options::timeout, &probe_options::patience,
                                         &probe_options::request_timeout, &probe_options::spacing}) {
    for (const duration value : {duration(-1ns), duration(24h) + 1ns, duration::max()}) {
      probe_options options;
      options.*time = value;
      EXPECT_THROW(run_probe(parse_server_address("http://127.0.0.1:1"), options, {}), std::invalid_argument);
    }
  }
}

}  // namespace lastcall::testing::exact_client_test
