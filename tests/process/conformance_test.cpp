// Holds every conversation of the tables with one testbed: whole, and once more in single bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <memory>
#include <string>

#include "tests/process/cases/conformance_cases.hpp"
#include "tests/process/cases/smuggling_cases.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

/// One testbed for all of them; what it says at its end is looked at too.
class shared_testbed : public testing::Environment {
 public:
  static const server_address& address() { return *address_; }

 private:
  void SetUp() override {
    server_ = std::make_unique<testbed>(std::vector<std::string>{"--max-body", "100000"});
    address_ = parse_server_address(server_->url());
  }
  void TearDown() override {
    server_->process.signal(SIGTERM);
    ASSERT_EQ(server_->wait(), exit_status{.code = 0}) << server_->process.errors();
    EXPECT_EQ(server_->report().number("requests.forced"), 0);
    expect_ledgers_add_up(server_->report());
  }

  static inline std::optional<server_address> address_;
  std::unique_ptr<testbed> server_;
};

const auto* const environment = testing::AddGlobalTestEnvironment(new shared_testbed);

/// Words joined by underscores, as gtest wants them; other characters by their code.
std::string test_name(const testing::TestParamInfo<conversation>& info) {
  std::string name;
  for (const char* c = info.param.name; *c; ++c) {
    if (std::isalnum(static_cast<unsigned char>(*c))) {
      name += *c;
    } else {
      name += *c == ' ' ? "_" : "_x" + std::to_string(static_cast<unsigned char>(*c));
    }
  }
  return name;
}

void expect_as_told(const outcome& o, const conversation& c) {
  if (c.known != nullptr) {
    EXPECT_FALSE(o.wrong.empty()) << "right by now: take away its `known`, which says: " << c.known;
  } else {
    EXPECT_TRUE(o.wrong.empty()) << o.wrong;
  }
}

/// Whole, and in single bytes where it may be torn.
template <class Look> void both_ways(const conversation& c, const Look& look) {
  for (const bool torn : {false, true}) {
    if (torn && !c.torn) continue;
    SCOPED_TRACE(torn ? "in single bytes" : "whole");
    const auto o = interlocutor::hold(shared_testbed::address(), c, torn);
    expect_as_told(o, c);
    look(o);
  }
}

class conformance : public testing::TestWithParam<conversation> {};

TEST_P(conformance, is_as_told) {
  both_ways(GetParam(), [](const outcome&) {});
}

using testing::ValuesIn;
INSTANTIATE_TEST_SUITE_P(request_line, conformance, ValuesIn(request_line_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(target, conformance, ValuesIn(target_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(host, conformance, ValuesIn(host_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(field, conformance, ValuesIn(field_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(length, conformance, ValuesIn(length_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(chunked, conformance, ValuesIn(chunked_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(expect, conformance, ValuesIn(expect_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(persistence, conformance, ValuesIn(persistence_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(pipelining, conformance, ValuesIn(pipelining_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(method, conformance, ValuesIn(method_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(status, conformance, ValuesIn(status_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(streaming, conformance, ValuesIn(streaming_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(half_close, conformance, ValuesIn(half_close_cases()), test_name);

class smuggling : public testing::TestWithParam<conversation> {};

TEST_P(smuggling, gets_nothing_past) {
  both_ways(GetParam(), [](const outcome& o) {
    if (GetParam().known == nullptr) {
      EXPECT_THAT(o.heard, testing::Not(testing::HasSubstr(smuggled_answer)));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(length, smuggling, ValuesIn(smuggled_by_length()), test_name);
INSTANTIATE_TEST_SUITE_P(coding, smuggling, ValuesIn(smuggled_by_coding()), test_name);
INSTANTIATE_TEST_SUITE_P(chunk, smuggling, ValuesIn(smuggled_by_chunk()), test_name);
INSTANTIATE_TEST_SUITE_P(head, smuggling, ValuesIn(smuggled_by_head()), test_name);

TEST(smuggling_marker, is_answered_where_it_is_a_request) {
  const conversation honest{"", "", {get("/") + smuggled, ok, echo({.rest = "smuggled"})}};
  const auto o = interlocutor::hold(shared_testbed::address(), honest, false);
  EXPECT_EQ(o.wrong, "");
  EXPECT_THAT(o.heard, testing::HasSubstr(smuggled_answer)) << "the check would see nothing";
}

}  // namespace
