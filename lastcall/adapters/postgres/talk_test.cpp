// The steps of a talk, against a server of the test's own that says what it is told, on the same thread: nothing waits.
#include "lastcall/adapters/postgres/talk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/process/start_process.hpp"

namespace lastcall::postgres::detail::talk_test {

using namespace std::chrono_literals;
using kind = talk::step::kind;
using lastcall::detail::descriptor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Messages of the server.   Source: PostgreSQL, "Message Formats".
std::string number(std::size_t of, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(of >> (8 * i));
  return text;
}
std::string message(char type, const std::string& body = "") { return type + number(body.size() + 4, 4) + body; }
std::string ready(char state = 'I') { return message('Z', std::string(1, state)); }
std::string complete(const std::string& tag) { return message('C', tag + '\0'); }
std::string error_of(const std::string& sqlstate, const std::string& text) {
  return message('E', "SERROR" + std::string(1, '\0') + "C" + sqlstate + '\0' + "M" + text + '\0' + '\0');
}
const std::string parsed = message('1') + message('2');
/// One row with one text.
std::string row(const std::string& value) {
  return message('T', number(1, 2) + "it" + '\0' + number(0, 4) + number(0, 2) + number(25, 4) + number(-1, 2) +
                          number(-1, 4) + number(0, 2)) +
         message('D', number(1, 2) + number(value.size(), 4) + value);
}

/// A connection of libpq, and the other end of it.
class talks : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-talk-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    folder_ = name;
    listening_ = descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    (folder_ + "/.s.PGSQL.5432").copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(*listening_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(::listen(*listening_, 8), 0);
    state.emplace(connection_options{.cancel_within = 1h, .name = "db"},
                  std::make_shared<connection_group>(connection_options{}, log));
    state->native =
        PQconnectStart(("host=" + folder_ + " port=5432 user=a dbname=a sslmode=disable gssencmode=disable").c_str());
    EXPECT_EQ(opening_while(wanted::write), wanted::read);
    server_ = descriptor(::accept4(*listening_, nullptr, nullptr, SOCK_CLOEXEC));
    hear();
    say(message('R', number(0, 4)) + message('K', number(4711, 4) + number(1, 4)) + ready());
    ASSERT_EQ(opening_while(wanted::read), wanted::nothing) << PQerrorMessage(state->native);
    state->opened();
  }
  ~talks() override {
    state.reset();
    std::filesystem::remove_all(folder_);
  }

  wanted opening_while(wanted now) const {
    wanted next;
    do next = step_of_opening(state->native);
    while (next == now);
    return next;
  }
  void say(const std::string& bytes) const {
    ASSERT_EQ(::send(*server_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// What libpq has sent.
  std::string hear() const {
    char bytes[4096];
    const ssize_t n = ::recv(*server_, bytes, sizeof bytes, MSG_DONTWAIT);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  }
  void close() { server_.reset(); }

  static statement::text asks(const char* sql) { return {.sql = sql}; }

  std::vector<std::string> lines;
  const logger log{log_level::debug, [this](const log_record& r) { lines.emplace_back(r.text); }};
  std::optional<connection_state> state;

 private:
  std::string folder_;
  descriptor listening_, server_;
};

TEST_F(talks, say_what_to_wait_for_until_the_server_has_said_all) {
  const context with;
  statement what(*state, with, asks("select it"));
  const talk::step first = what.begin();
  EXPECT_EQ(first.what, kind::wait);
  EXPECT_EQ(first.ready, wanted::read);
  EXPECT_EQ(first.by, time_point::max());
  EXPECT_THAT(hear(), HasSubstr("select it"));
  say(parsed + row("tea"));
  EXPECT_EQ(what.go_on(true).what, kind::wait) << "there may be more";
  say(complete("SELECT 1") + ready());
  EXPECT_EQ(what.go_on(true).what, kind::over);
  const auto answer = what.answer();
  ASSERT_TRUE(answer) << answer.error().what();
  EXPECT_EQ((*answer)[0].get<std::string>(0), "tea");
  EXPECT_FALSE(state->given_up);
}

TEST_F(talks, give_the_error_of_the_server_and_the_connection_goes_on) {
  const context with;
  statement what(*state, with, asks("selct it"));
  EXPECT_EQ(what.begin().what, kind::wait);
  say(error_of("42601", "syntax error") + ready());
  EXPECT_EQ(what.go_on(true).what, kind::over);
  const auto answer = what.answer();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().why(), error::reason::server);
  EXPECT_EQ(answer.error().sqlstate(), "42601");
  EXPECT_STREQ(answer.error().what(), "db: syntax error");
  EXPECT_FALSE(state->given_up || state->in_call);
}

TEST_F(talks, tell_a_limit_first_and_the_statement_once_that_is_set) {
  const context with = within({}, 1h);
  statement what(*state, with, asks("select it"));
  const talk::step first = what.begin();
  EXPECT_EQ(first.what, kind::wait);
  EXPECT_EQ(first.by, with.end());
  const std::string limit = hear();
  EXPECT_THAT(limit, HasSubstr("set statement_timeout = 4194304"));
  EXPECT_EQ(limit.find("select it"), std::string::npos);
  say(parsed + message('n') + complete("SET") + ready());
  EXPECT_EQ(what.go_on(true).what, kind::wait);
  EXPECT_THAT(hear(), HasSubstr("select it"));
  say(parsed + row("tea") + complete("SELECT 1") + ready());
  EXPECT_EQ(what.go_on(true).what, kind::over);
  EXPECT_TRUE(what.answer());
  EXPECT_EQ(state->limit_ms, 4194304);

  statement again(*state, with, asks("select more"));
  EXPECT_EQ(again.begin().what, kind::wait);
  EXPECT_THAT(hear(), HasSubstr("select more")) << "the limit is near enough";
}

TEST_F(talks, are_not_sent_when_the_context_has_ended) {
  const context with = within({}, 0s);
  statement what(*state, with, asks("select it"));
  EXPECT_EQ(what.begin().what, kind::over);
  EXPECT_EQ(hear(), "");
  const auto answer = what.answer();
  EXPECT_EQ(answer.error().why(), error::reason::deadline);
  EXPECT_THAT(answer.error().what(), HasSubstr("db: not sent: no time is left"));
  EXPECT_FALSE(state->given_up || state->in_call);
}

/// A statement under way, and a caller whose context was forced meanwhile.
struct forced_statement {
  explicit forced_statement(connection_state& on) : with(caller.get()), what(on, with, text) {
    EXPECT_EQ(what.begin().what, kind::wait);
    caller.force(cause::client_gone);
  }
  const statement::text text{.sql = "select pg_sleep(60)"};
  context_source caller;
  const context with;
  statement what;
};

TEST_F(talks, ask_for_a_cancel_and_go_on_with_the_connection_once_the_server_has_confirmed) {
  forced_statement it(*state);
  const talk::step cancel = it.what.go_on(true);
  EXPECT_EQ(cancel.what, kind::cancel);
  EXPECT_LT(cancel.by, steady().now() + 31min) << "half of the time is for another way";
  EXPECT_TRUE(it.what.is_cut());
  EXPECT_EQ(it.what.cancel_asked(true).what, kind::wait);
  say(error_of("57014", "canceling statement due to user request") + ready());
  EXPECT_EQ(it.what.go_on(true).what, kind::over);
  const auto answer = it.what.answer();
  EXPECT_EQ(answer.error().why(), error::reason::forced);
  EXPECT_THAT(answer.error().what(), HasSubstr("db: cancelled: its context was forced (client_gone)"));
  EXPECT_FALSE(state->given_up);
  EXPECT_THAT(lines, ElementsAre("cut, and rolled back"));
}

TEST_F(talks, give_the_answer_that_came_before_the_cancel) {
  forced_statement it(*state);
  EXPECT_EQ(it.what.go_on(true).what, kind::cancel);
  EXPECT_EQ(it.what.cancel_asked(true).what, kind::wait);
  say(parsed + row("tea") + complete("SELECT 1") + ready());
  EXPECT_EQ(it.what.go_on(true).what, kind::over);
  EXPECT_TRUE(it.what.answer());
}

TEST_F(talks, give_a_connection_up_whose_cancel_may_still_come) {
  forced_statement it(*state);
  EXPECT_EQ(it.what.go_on(true).what, kind::cancel);
  state->fallback = nullptr;  // PQcancel would connect to this server
  EXPECT_EQ(it.what.cancel_asked(false).what, kind::wait);
  say(parsed + row("tea") + complete("SELECT 1") + ready());
  EXPECT_EQ(it.what.go_on(true).what, kind::over);
  EXPECT_TRUE(it.what.answer());
  EXPECT_TRUE(state->given_up) << "it would meet the next statement";
}

TEST_F(talks, cancel_again_what_may_not_have_begun) {
  forced_statement it(*state);
  EXPECT_EQ(it.what.go_on(true).what, kind::cancel);
  EXPECT_EQ(it.what.cancel_asked(true).what, kind::wait);
  EXPECT_EQ(it.what.go_on(false).what, kind::cancel) << "there is time left";
}

TEST_F(talks, give_up_when_the_server_confirms_no_cancel_in_time) {
  forced_statement it(*state);
  state->group->longest_cancel = duration(1);
  EXPECT_EQ(it.what.go_on(true).what, kind::cancel);
  EXPECT_EQ(it.what.cancel_asked(true).what, kind::wait);
  EXPECT_EQ(it.what.go_on(false).what, kind::over);
  const auto answer = it.what.answer();
  EXPECT_EQ(answer.error().why(), error::reason::connection) << "what became of it is not known";
  EXPECT_THAT(answer.error().what(), HasSubstr("the server did not say so within "));
  EXPECT_TRUE(state->given_up);
  EXPECT_EQ(state->group->unconfirmed, 1U);
}

TEST_F(talks, know_a_connection_that_is_lost) {
  const context with;
  statement what(*state, with, asks("select it"));
  EXPECT_EQ(what.begin().what, kind::wait);
  close();
  EXPECT_EQ(what.go_on(true).what, kind::over);
  EXPECT_EQ(what.answer().error().why(), error::reason::connection);
  EXPECT_TRUE(state->given_up);
  EXPECT_EQ(state->group->lost, 1U);
  EXPECT_THAT(lines, ElementsAre("a connection was lost"));
  statement next(*state, with, asks("select it"));
  EXPECT_EQ(next.begin().what, kind::over);
  EXPECT_THAT(next.answer().error().what(), HasSubstr("db: the connection was given up"));
}

TEST_F(talks, refuse_a_second_one_and_give_the_connection_up_with_one_that_is_not_over) {
  const context with;
  {
    statement first(*state, with, asks("select it"));
    EXPECT_EQ(first.begin().what, kind::wait);
    statement second(*state, with, asks("select more"));
    EXPECT_EQ(second.begin().what, kind::over);
    EXPECT_EQ(second.answer().error().why(), error::reason::misuse);
    EXPECT_FALSE(state->given_up);
  }
  EXPECT_TRUE(state->given_up);
}

TEST_F(talks, say_that_a_commit_was_answered_with_rollback) {
  const context with;
  statement what(*state, with, asks("commit"));
  EXPECT_EQ(what.begin().what, kind::wait);
  say(parsed + message('n') + complete("ROLLBACK") + ready());
  EXPECT_EQ(what.go_on(true).what, kind::over);
  EXPECT_TRUE(says_rollback(*what.answer()));
}

}  // namespace lastcall::postgres::detail::talk_test
