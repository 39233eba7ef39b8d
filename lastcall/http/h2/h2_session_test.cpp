#include "lastcall/http/h2/h2_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/http/requests/http2.hpp"

namespace lastcall::http::detail::h2_session_test {

using ::testing::ElementsAre;

std::string frame(int type, int flags, int id, const std::string& payload) {
  std::string out{static_cast<char>(payload.size() >> 16), static_cast<char>(payload.size() >> 8),
                  static_cast<char>(payload.size())};
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += std::string{0, 0, static_cast<char>(id >> 8), static_cast<char>(id)};
  return out + payload;
}
std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}
const std::string head =
    field(":method", "GET") + field(":scheme", "http") + field(":path", "/") + field(":authority", "a");
std::string get(int id) { return frame(1, 5, id, head); }
const std::string begin = std::string(http2_preface) + frame(4, 0, 0, "") + frame(4, 1, 0, "");
std::string number(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}

/// What a frame of ours says, as far as these tests look.
struct said {
  int type;
  int flags;
  std::uint32_t id;
  std::string payload;
  std::uint32_t number_at(std::size_t at) const {
    std::uint32_t n = 0;
    for (std::size_t i = at; i < at + 4; ++i) n = n << 8 | static_cast<unsigned char>(payload.at(i));
    return n;
  }
};

struct session_test final : h2_events {
  session_test() : session(*this, {}) { hear(begin); }

  void hear(const std::string& bytes) {
    session.receive(bytes);
    say();
  }
  void say() {
    std::string out;
    while (session.send(out, 1000)) {}
    while (out.size() >= 9) {
      const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(out[i])); };
      const std::size_t size = at(0) << 16 | at(1) << 8 | at(2);
      frames.push_back({static_cast<int>(at(3)), static_cast<int>(at(4)), at(7) << 8 | at(8), out.substr(9, size)});
      out.erase(0, 9 + size);
    }
  }
  std::vector<said> of_type(int type) const {
    std::vector<said> all;
    for (const said& each : frames)
      if (each.type == type) all.push_back(each);
    return all;
  }
  void note(const std::string& what, void* s) { told.push_back(what + " " + std::to_string(*static_cast<int*>(s))); }

  void* on_begin(std::int32_t id) noexcept override {
    ids.push_back(std::make_unique<int>(id));
    note("begin", ids.back().get());
    return ids.back().get();
  }
  void on_field(void*, std::string_view, std::string_view) noexcept override { ++fields; }
  void on_head(void* s, bool ended) noexcept override { note(ended ? "request" : "head", s); }
  void on_data(void* s, std::string_view bytes) noexcept override {
    data += bytes;
    note("data", s);
  }
  void on_trailer(void* s, std::string_view, std::string_view) noexcept override { note("trailer", s); }
  void on_end(void* s) noexcept override { note("end", s); }
  h2_output on_output(void*, std::span<char> into) noexcept override {
    if (body.empty()) return {h2_output::kind::wait, 0};
    const std::size_t n = std::min(into.size(), body.size());
    std::copy_n(body.data(), n, into.data());
    body.erase(0, n);
    if (!body.empty()) return {h2_output::kind::more, n};
    const h2_field sum[] = {{"X-Sum", "1"}};
    if (last == h2_output::kind::trailers) session.trailers(1, sum);
    return {last, n};
  }
  void on_output_end(void* s) noexcept override { note("sent", s); }
  void on_lost(void* s) noexcept override { note("lost", s); }
  void on_close(void* s, h2_error why, bool by_us) noexcept override {
    note((by_us ? "reset " : "close ") + std::to_string(static_cast<int>(why)), s);
  }
  void on_settings() noexcept override { ++settings; }
  void on_ping_acknowledged() noexcept override { ++acknowledged; }
  bool on_noise(h2_noise) noexcept override { return too_much; }
  void on_refused(std::int32_t id) noexcept override { refused.push_back(id); }

  std::vector<std::unique_ptr<int>> ids;
  std::vector<std::string> told;
  std::vector<std::int32_t> refused;
  std::vector<said> frames;
  std::string data, body;
  h2_output::kind last = h2_output::kind::end;
  int fields = 0, settings = 0, acknowledged = 0;
  bool too_much = false;
  h2_session session;
};

TEST(h2_session, tells_of_a_request_in_order) {
  session_test t;
  EXPECT_EQ(t.settings, 1);
  t.hear(frame(1, 4, 1, head) + frame(0, 0, 1, "ab") + frame(0, 1, 1, "c"));
  EXPECT_THAT(t.told, ElementsAre("begin 1", "head 1", "data 1", "data 1", "end 1"));
  EXPECT_EQ(t.fields, 4);
  EXPECT_EQ(t.data, "abc");
}

TEST(h2_session, sends_a_response_and_says_when_it_has_ended) {
  session_test t;
  t.hear(get(1));
  const h2_field fields[] = {{"X-Y", "z"}};
  t.body = "hello";
  EXPECT_TRUE(t.session.respond(1, 200, fields, true));
  t.say();
  ASSERT_EQ(t.of_type(0).size(), 1U);
  EXPECT_EQ(t.of_type(0)[0].payload, "hello");
  EXPECT_THAT(t.told, ElementsAre("begin 1", "request 1", "sent 1", "close 0 1"));
}

/// The streams of the DATA frames of two responses, each as much as the windows let out.
std::vector<std::uint32_t> turns(const std::string& second_request) {
  session_test t;
  t.hear(get(1) + second_request);
  t.body = std::string(60'000, 'x');
  t.session.respond(1, 200, {}, true);
  t.session.respond(3, 200, {}, true);
  t.say();
  std::vector<std::uint32_t> all;
  for (const said& each : t.of_type(0)) all.push_back(each.id);
  return all;
}

TEST(h2_session, sends_responses_in_turns) { EXPECT_THAT(turns(get(3)), ElementsAre(1, 3, 1, 3)); }

TEST(h2_session, sends_first_what_its_client_asks_for_first) {
  EXPECT_THAT(turns(frame(1, 5, 3, head + field("priority", "u=1"))), ElementsAre(3, 3, 3, 3));
}

TEST(h2_session, waits_for_a_body_that_is_not_made_yet) {
  session_test t;
  t.hear(get(1));
  t.session.respond(1, 200, {}, true);
  t.say();
  EXPECT_TRUE(t.of_type(0).empty());
  t.body = "now";
  t.say();
  EXPECT_TRUE(t.of_type(0).empty()) << "not unless it is told";
  t.session.resume(1);
  t.say();
  EXPECT_EQ(t.of_type(0).size(), 1U);
}

TEST(h2_session, tells_who_has_reset_a_stream) {
  session_test t;
  t.hear(get(1) + get(3) + frame(3, 0, 1, number(1)) + frame(1, 5, 5, head + field("Large", "x")));
  t.session.reset(3, h2_error::cancel);
  t.say();
  EXPECT_THAT(t.told, ElementsAre("begin 1", "request 1", "begin 3", "request 3", "close 1 1", "begin 5", "reset 1 5",
                                  "reset 8 3"));
}

TEST(h2_session, ends_with_trailers) {
  session_test t;
  t.hear(get(1));
  t.body = "hello";
  t.last = h2_output::kind::trailers;
  t.session.respond(1, 200, {}, true);
  t.say();
  ASSERT_EQ(t.of_type(1).size(), 2U);
  ASSERT_EQ(t.of_type(0).size(), 1U);
  EXPECT_EQ(t.of_type(0)[0].flags & 1, 0);
  EXPECT_EQ(t.of_type(1)[1].flags & 1, 1);
}

TEST(h2_session, tells_of_heads_and_trailers_that_cannot_be_sent) {
  const std::string half(32 * 1024, 'x');
  const h2_field large[] = {{"a", half}, {"b", half}};
  {
    session_test s;
    s.hear(get(1));
    s.session.respond(1, 200, large, false);
    s.say();
    EXPECT_EQ(s.told.back(), "lost 1");
    EXPECT_THAT(s.of_type(1), testing::IsEmpty());
    s.session.respond(1, 500, {}, false);  // another one can be sent
    s.say();
    EXPECT_EQ(s.of_type(1).size(), 1u);
  }
  session_test s;
  s.hear(get(1));
  s.session.respond(1, 200, std::span(large).first(1), false);
  s.say();
  EXPECT_EQ(s.told.back(), "close 0 1") << "half of it can be sent";
}

TEST(h2_session, knows_what_can_be_sent) {
  for (const std::size_t value : {1, 100, 4000}) {
    const std::string line = "n: " + std::string(value, 'v') + "\r\n";
    std::string lines;
    for (; h2_session::can_send(lines + line); lines += line) {}
    std::vector<h2_field> all(lines.size() / line.size(), {"n", std::string_view(line).substr(3, value)});
    session_test s;
    s.hear(get(1));
    s.session.respond(1, 200, all, false);
    s.say();
    EXPECT_EQ(s.told.back(), "close 0 1") << value;
    all.resize(all.size() + 600 / (value + 13) + 1, all[0]);
    s.hear(get(3));
    s.session.respond(3, 200, all, false);
    s.say();
    EXPECT_EQ(s.told.back(), "lost 3") << value << ": the bound is near";
  }
}

TEST(h2_session, opens_the_window_only_for_what_was_consumed) {
  session_test t;
  t.hear(frame(1, 4, 1, head));
  const auto updates = [&] { return t.of_type(8).size(); };
  const auto before = updates();  // the connection's larger window
  for (int i = 0; i < 4; ++i) t.hear(frame(0, 0, 1, std::string(16'000, 'x')));
  EXPECT_EQ(updates(), before);
  t.session.consume(1, 64'000);
  t.say();
  EXPECT_GT(updates(), before);
}

TEST(h2_session, ends_a_client_that_heeds_no_window) {
  session_test t;
  t.hear(frame(1, 4, 1, head));
  for (int i = 0; i < 5; ++i) t.hear(frame(0, 0, 1, std::string(16'000, 'x')));
  EXPECT_TRUE(!t.of_type(7).empty() || !t.of_type(3).empty());
  for (int i = 0; i < 5; ++i) t.hear(frame(0, 0, 1, std::string(16'000, 'x')));
  EXPECT_LE(t.data.size(), 65'535U + 16'384U) << "the frame that was too much is still told of, and no further one";
}

TEST(h2_session, gives_notice_with_the_largest_id_and_a_ping) {
  session_test t;
  t.session.notice();
  t.say();
  ASSERT_EQ(t.of_type(7).size(), 1U);
  EXPECT_EQ(t.of_type(7)[0].number_at(0), 0x7fffffffU);
  EXPECT_EQ(t.of_type(7)[0].number_at(4), 0U);
  ASSERT_EQ(t.of_type(6).size(), 1U);
  EXPECT_EQ(t.frames.back().type, 6) << "behind the GOAWAY";
  t.hear(get(1));
  EXPECT_EQ(t.told.back(), "request 1") << "nobody is refused yet";
  t.hear(frame(6, 1, 0, "something"));  // not ours, and not even a ping
  EXPECT_EQ(t.acknowledged, 0);
}

TEST(h2_session, knows_its_own_ping) {
  session_test t;
  t.session.notice();
  t.say();
  t.hear(frame(6, 1, 0, "12345678"));
  EXPECT_EQ(t.acknowledged, 0);
  t.hear(frame(6, 1, 0, t.of_type(6)[0].payload));
  EXPECT_EQ(t.acknowledged, 1);
}

TEST(h2_session, refuses_what_comes_after_the_last_stream) {
  session_test t;
  t.hear(get(1) + get(3));
  t.session.notice();
  t.session.last();
  t.say();
  ASSERT_EQ(t.of_type(7).size(), 2U);
  EXPECT_EQ(t.of_type(7)[1].number_at(0), 3U);
  t.hear(get(5) + get(7));
  EXPECT_THAT(t.refused, ElementsAre(5, 7));
  ASSERT_EQ(t.of_type(3).size(), 2U);
  EXPECT_EQ(t.of_type(3)[0].id, 5U);
  EXPECT_EQ(t.of_type(3)[0].number_at(0), 7U) << "REFUSED_STREAM";
  EXPECT_EQ(t.told.back(), "request 3");
  t.session.respond(3, 204, {}, false);
  t.session.respond(1, 204, {}, false);
  EXPECT_FALSE(t.session.over());
  t.say();
  EXPECT_EQ(t.told.back(), "close 0 1") << "those before are finished";
}

TEST(h2_session, counts_a_head_that_is_incomplete_as_begun) {
  session_test t;
  t.hear(frame(1, 1, 1, head.substr(0, 10)));
  t.session.notice();
  t.session.last();
  t.say();
  ASSERT_EQ(t.of_type(7).size(), 2U);
  EXPECT_EQ(t.of_type(7)[1].number_at(0), 1U);
  t.hear(frame(9, 4, 1, head.substr(10)));
  EXPECT_EQ(t.told.back(), "request 1");
}

TEST(h2_session, ends_when_a_number_is_used_that_was_passed_over) {
  for (const int id : {1, 3, 7, 9, 11, 15}) {
    session_test s;
    s.hear(get(5) + get(13) + get(17));
    s.frames.clear();
    s.hear(get(id));
    ASSERT_FALSE(s.frames.empty()) << id;
    EXPECT_EQ(s.frames.back().type, 7) << id;
    EXPECT_EQ(s.frames.back().number_at(4), 1u) << "PROTOCOL_ERROR for " << id;
  }
}

TEST(h2_session, asks_for_calm_when_it_is_too_much) {
  session_test t;
  t.too_much = true;
  t.hear(frame(6, 0, 0, "12345678") + get(1));
  ASSERT_EQ(t.of_type(7).size(), 1U);
  EXPECT_EQ(t.of_type(7)[0].number_at(4), 11U);
  EXPECT_TRUE(t.told.empty());
  EXPECT_TRUE(t.session.over());
}

TEST(h2_session, ends_what_is_no_http_2) {
  session_test t;
  h2_session other(t, {});
  other.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string out;
  while (other.send(out, 1000)) {}
  EXPECT_TRUE(other.over());
}

TEST(h2_session, turns_away_with_frames_that_a_client_understands) {
  const std::string away(http2_turned_away);
  EXPECT_EQ(away, frame(4, 0, 0, "") + frame(7, 0, 0, number(0) + number(0)));
}

}  // namespace lastcall::http::detail::h2_session_test
