#include "lastcall/testing/internal/load_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

namespace lastcall::testing::load_options_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(load_options, reads_every_kind_by_its_name) {
  for (const auto name : {"busy", "fresh", "race", "inflight", "upload", "download", "idle", "half-closed"}) {
    EXPECT_EQ(to_text(parse_load(name).kind), name);
    EXPECT_GT(parse_load(name).count, 0u) << name;
    EXPECT_TRUE(parse_load(name).path.starts_with('/')) << name;
  }
}

TEST(load_options, reads_count_and_settings) {
  EXPECT_EQ(parse_load("busy:7").count, 7u);
  const auto fresh = parse_load("fresh,rate=1000.5,most=50,path=/a?b=c,expect=any");
  EXPECT_EQ(fresh.rate, 1000.5);
  EXPECT_EQ(fresh.most, 50u);
  EXPECT_EQ(fresh.path, "/a?b=c");
  EXPECT_EQ(fresh.expect, 0);
  const auto race = parse_load("race:200,min=1ms,max=2s");
  EXPECT_EQ(race.min, 1ms);
  EXPECT_EQ(race.max, 2s);
  const auto upload = parse_load("upload:3,bytes=10,over=0,lead=1s,expect=201");
  EXPECT_EQ(upload.bytes, 10u);
  EXPECT_EQ(upload.over, 0s);
  EXPECT_EQ(upload.expect, 201);
  const auto idle = parse_load("idle:10000,requests=0,deaf=1");
  EXPECT_EQ(idle.requests, 0u);
  EXPECT_TRUE(idle.deaf);
}

TEST(load_options, knows_the_size_of_a_download_only_when_it_was_told) {
  EXPECT_EQ(parse_load("download,bytes=5").path, "/big?bytes=5");
  EXPECT_EQ(parse_load("download,path=/x").bytes, 0u);
  EXPECT_EQ(parse_load("download,path=/x,bytes=9").bytes, 9u);
}

TEST(load_options, says_what_is_wrong_and_what_was_meant) {
  const auto refusal = [](const char* text, const char* why) {
    EXPECT_THAT([=] { parse_load(text); }, ThrowsMessage<std::invalid_argument>(HasSubstr(why))) << text;
  };
  refusal("", "there are busy, fresh");
  refusal("bussy:64", "'bussy' is no load");
  refusal("busy:", "COUNT= is not a number of connections");
  refusal("busy:0", "COUNT=0 is not");
  refusal("busy:-1", "COUNT=-1 is not");
  refusal("busy:64x", "COUNT=64x is not");
  refusal("busy,rate=5", "'rate' is no setting of busy; it has path, expect");
  refusal("busy,path", "'path' is no key=value");
  refusal("busy,path=x", "begins with /");
  refusal("race,min=5", "min=5 is not a time");
  refusal("race,min=3s,max=2s", "min is more than max");
  refusal("fresh,rate=nan", "rate=nan is not");
  refusal("idle,deaf=yes", "deaf=yes is not 0 or 1");
  refusal("busy,expect=20", "expect=20 is not a status");
}

}  // namespace lastcall::testing::load_options_test
