#include "lastcall/http/sse/event_text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/sse/event_text_test.hpp"

namespace lastcall::sse::event_text_test {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

std::string text(const event& e) {
  std::string to;
  append(to, e);
  return to;
}

using client = plain_event_reader;

TEST(event_text, is_one_field_a_line_and_an_empty_line) {
  EXPECT_EQ(text({.data = "hello"}), "data: hello\n\n");
  EXPECT_EQ(text({.data = "hello", .id = "7", .event = "tick"}), "id: 7\nevent: tick\ndata: hello\n\n");
}

TEST(event_text, arrives_as_it_was_said_whatever_the_data_holds) {
  const struct {
    std::string_view said, heard;
  } cases[] = {{"", ""},
               {"a", "a"},
               {" a", " a"},
               {"a\nb", "a\nb"},
               {"a\rb", "a\nb"},
               {"a\r\nb", "a\nb"},
               {"a\n\rb", "a\n\nb"},
               {"\n", "\n"},
               {"\r\n\r\n", "\n\n"},
               {"a\n", "a\n"},
               {"id: 9\nretry: 1\n\ndata: x", "id: 9\nretry: 1\n\ndata: x"},
               {":c", ":c"},
               {"\xEF\xBB\xBF", "\xEF\xBB\xBF"},
               {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
               {"a\0b"sv, "a\0b"sv}};
  for (const auto& each : cases) {
    const client c(text({.data = each.said, .id = "1"}) + text({.data = "next"}));
    ASSERT_EQ(c.events.size(), 2U) << each.said;
    EXPECT_EQ(c.events[0], (client::heard{std::string(each.heard), "1", ""}));
    EXPECT_EQ(c.events[1], (client::heard{"next", "1", ""})) << "an id stays until the next";
    EXPECT_EQ(c.retry, "");
  }
}

TEST(event_text, may_have_an_empty_id_which_makes_the_client_forget) {
  const client c(text({.data = "a", .id = "1"}) + text({.data = "b", .id = ""}));
  ASSERT_EQ(c.events.size(), 2U);
  EXPECT_EQ(c.last_id, "");
}

TEST(event_text, refuses_what_would_become_another_field) {
  std::string to = "before";
  for (const std::string_view bad : {"a\nb"sv, "a\rb"sv, "\n"sv}) {
    EXPECT_THROW(append(to, {.data = "x", .id = bad}), std::invalid_argument);
    EXPECT_THROW(append(to, {.data = "x", .event = bad}), std::invalid_argument);
  }
  EXPECT_THROW(append(to, {.data = "x", .id = "a\0b"sv}), std::invalid_argument);
  EXPECT_EQ(to, "before");
}

TEST(event_text, refuses_ids_that_would_not_come_back_as_they_were) {
  std::string to;
  const std::string longest(1024, 'x');
  for (const std::string& bad : {std::string("a\x1f"), std::string("\x7f"), std::string("\x01x"), std::string(" a"),
                                 std::string("a "), std::string("\ta"), std::string("gr\xfc"), longest + "x"})
    EXPECT_THROW(append(to, {.data = "x", .id = bad}), std::invalid_argument) << bad;
  EXPECT_EQ(to, "");
  for (const std::string& good : {std::string("a b\tc"), std::string("gr\xC3\xBC"), longest, std::string(",;:\"")}) {
    EXPECT_NO_THROW(append(to, {.data = "x", .id = good})) << good;
    // What a client sends back: by the rules for a head of HTTP/1.1.
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: " + good + "\r\n\r\n";
    std::size_t scanned = 0;
    http::request r;
    http::detail::message_info info;
    EXPECT_EQ(http::detail::parse_head(head, scanned, http::limits(), r, info).what,
              http::detail::head_result::kind::done);
    EXPECT_EQ(r.header("Last-Event-ID"), good);
  }
}

TEST(event_text, has_comments_that_no_client_hands_out) {
  std::string to;
  append_comment(to, "");
  EXPECT_EQ(to, ":\n\n");
  append_comment(to, "one\ndata: two\r\nthree");
  EXPECT_TRUE(client(to).events.empty());
  to += text({.data = "a"});
  EXPECT_EQ(client(to).events.size(), 1U);
}

TEST(event_text, says_when_to_come_back_in_milliseconds) {
  std::string to;
  append_retry(to, 1500ms);
  EXPECT_EQ(to, "retry: 1500\n\n");
  EXPECT_EQ(client(to).retry, "1500");
  to.clear();
  append_retry(to, -1s);
  append_retry(to, 1us);
  EXPECT_EQ(to, "retry: 0\n\nretry: 1\n\n");
}

}  // namespace lastcall::sse::event_text_test
