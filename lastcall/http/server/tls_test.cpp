// The server over TLS: what a client agrees on, what it hears, and how it is said goodbye to.
#include "lastcall/net/tls/tls.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/metrics.hpp"
#include "lastcall/http/files/file.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/http/serving/streaming.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::tls_test {

using namespace std::chrono_literals;
using net::tls_failure;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing_net::authority;
using testing_net::generous;
using testing_net::tls_client;

constexpr std::uint64_t many_bytes = 20'000'000;

router routes(const std::string& file = {}) {
  router r;
  r.get("/unreadable", [](const request&) {
    const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
    return response(200).source(
        std::make_shared<const detail::body_source>(detail::body_source{.length = 10, .file = net::unique_fd(folder)}));
  });
  r.get("/", [](const request& q) { return text(q.secure() ? "secure\n" : "plain\n"); });
  r.get("/who", [](const request& q) { return text(std::string(q.client_certificate()) + "|" + q.remote() + "\n"); });
  r.get("/big", [](const request&) {
    return streamed(
        [](body_writer& to) -> task<> {
          const std::string piece(100'000, 'x');
          for (std::uint64_t i = 0; i < many_bytes / piece.size(); ++i) co_await to.write(piece);
        },
        many_bytes);
  });
  r.get("/slow", [](const request&, context ctx) -> task<response> {
    co_await net::wait_until_forced_for(ctx, 50ms);
    co_return text("slow\n");
  });
  r.get("/file", [file](const request& q) { return http::file(q, file); });
  r.post("/upload", [](const request&, body_stream& in) -> task<response> {
    std::uint64_t bytes = 0;
    unsigned sum = 0;
    while (const auto piece = co_await in.read()) {
      bytes += piece->size();
      for (const char c : *piece) sum = sum * 31 + static_cast<unsigned char>(c);
    }
    co_return text(std::to_string(bytes) + " " + std::to_string(sum) + "\n");
  });
  return r;
}

struct http_tls : ::testing::Test {
  server_options options(net::tls_options tls = {}) {
    if (tls.certificates.empty()) tls.certificates = {{keys.chain, keys.key, {}}};
    return {.routes = routes(file), .tls_port = 0, .tls = std::move(tls)};
  }
  tls_client enters(const serving_test& to, tls_client::wish wanted = {}) {
    if (wanted.ca_file.empty()) wanted.ca_file = ca.ca_file();
    return tls_client(to.it.tls_address(), std::move(wanted));
  }
  std::string fields(const serving_test& of) {
    component_report r;
    of.it.account(r);
    std::string all;
    for (const auto& [name, value] : r.fields)
      if (const auto* number = std::get_if<std::int64_t>(&value)) all += name + "=" + std::to_string(*number) + " ";
    return all;
  }

  authority ca;
  authority::files keys = ca.issue({.common_name = "first"}, "first");
  std::string file;
};

TEST_F(http_tls, speaks_both_versions) {
  serving_test s(options());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto c = enters(s, {.least = version, .most = version});
    ASSERT_TRUE(c.shake_hands()) << c.reason();
    EXPECT_EQ(SSL_version(c.ssl()), version);
    for (int i = 0; i < 3; ++i) {
      c.say(request_for("/"));
      EXPECT_EQ(next_reply(c).body, "secure\n");
    }
  }
  EXPECT_EQ(s.get("/").body, "plain\n");
}

TEST_F(http_tls, refuses_versions_below_the_least) {
  serving_test s(options({.least = net::tls_version::v1_3}));
  EXPECT_FALSE(enters(s, {.most = TLS1_2_VERSION}).shake_hands());
  EXPECT_TRUE(enters(s).shake_hands());
  EXPECT_TRUE(s.eventually([&] { return fields(s).find("tls_failed_nothing_in_common=1") != std::string::npos; }));
}

TEST_F(http_tls, agrees_on_http_1_1_and_on_nothing_else) {
  serving_test s(options());
  auto both = enters(s, {.alpn = {"spdy/1", "http/1.1"}});
  ASSERT_TRUE(both.shake_hands());
  EXPECT_EQ(both.protocol(), "http/1.1");
  EXPECT_FALSE(enters(s, {.alpn = {"spdy/1"}}).shake_hands());
}

TEST_F(http_tls, shows_the_certificate_of_the_name_that_is_asked_for) {
  const auto other = ca.issue({.names = {"example.org", "*.example.org"}, .common_name = "second"}, "second");
  serving_test s(options({.certificates = {{keys.chain, keys.key, {}}, {other.chain, other.key, {}}}}));
  const auto name_for = [&](const std::string& asked, bool checks = true) {
    tls_client c(s.it.tls_address(), {.ca_file = checks ? ca.ca_file() : "", .name = asked});
    EXPECT_TRUE(c.shake_hands()) << asked;
    return c.server_name();
  };
  EXPECT_EQ(name_for("localhost"), "first");
  EXPECT_EQ(name_for("EXAMPLE.org"), "second");
  EXPECT_EQ(name_for("www.example.org"), "second");
  EXPECT_EQ(name_for("a.b.example.org", false), "first");
  EXPECT_EQ(name_for("elsewhere.net", false), "first");
  EXPECT_EQ(name_for("", false), "first");
}

TEST_F(http_tls, knows_clients_by_their_certificates) {
  const auto alice = ca.issue({.names = {}, .common_name = "alice"}, "alice");
  const authority others;
  const auto mallory = others.issue({.names = {}, .common_name = "mallory"}, "mallory");
  const auto late = ca.issue({.names = {}, .common_name = "late", .begins = -7200, .ends = -3600}, "late");
  const auto hears = [&](serving_test& s, const authority::files& shown, int version = TLS1_3_VERSION) -> std::string {
    auto c = enters(s, {.most = version, .certificate = shown.chain, .key = shown.key});
    if (!c.shake_hands() || !c.say(request_for("/who"))) return "refused";
    const std::string body = next_reply(c).body;  // TLS 1.3 hears of a refusal only now
    return body.empty() ? "refused" : body.substr(0, body.find('|'));
  };
  {
    serving_test s(options({.clients = net::client_certificates::optional, .client_ca_file = ca.ca_file()}));
    EXPECT_EQ(hears(s, alice), "CN=alice");
    EXPECT_EQ(hears(s, alice, TLS1_2_VERSION), "CN=alice");
    EXPECT_EQ(hears(s, {}), "");
    EXPECT_EQ(hears(s, mallory), "refused");
    EXPECT_EQ(hears(s, late), "refused");
    EXPECT_TRUE(s.eventually([&] { return fields(s).find("bad_client_certificate=2") != std::string::npos; }));
  }
  serving_test s(options({.clients = net::client_certificates::required, .client_ca_file = ca.ca_file()}));
  EXPECT_EQ(hears(s, alice), "CN=alice");
  EXPECT_EQ(hears(s, {}), "refused");
  EXPECT_EQ(hears(s, {}, TLS1_2_VERSION), "refused");
  EXPECT_TRUE(s.eventually([&] { return fields(s).find("no_client_certificate=2") != std::string::npos; }));
}

TEST_F(http_tls, resumes_sessions_unless_told_not_to) {
  for (const bool on : {true, false}) {
    serving_test s(options({.resumption = on}));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      auto first = enters(s, {.most = version});
      ASSERT_TRUE(first.shake_hands());
      first.say(request_for("/"));
      next_reply(first);  // TLS 1.3 sends tickets after the handshake
      SSL_SESSION* const kept = SSL_get1_session(first.ssl());
      auto second = enters(s, {.most = version, .resume = kept});
      EXPECT_TRUE(second.shake_hands());
      EXPECT_EQ(SSL_session_reused(second.ssl()) == 1, on) << version;
      SSL_SESSION_free(kept);
    }
  }
}

TEST_F(http_tls, reloads_without_dropping_a_connection) {
  serving_test s(options());
  auto old = enters(s);
  ASSERT_TRUE(old.shake_hands());
  auto halfway = enters(s);
  halfway.say_raw(halfway.hello());
  ca.issue({.common_name = "renewed"}, "first");
  EXPECT_EQ(s.it.reload_certificates(), "");
  auto fresh = enters(s);
  ASSERT_TRUE(fresh.shake_hands());
  EXPECT_EQ(fresh.server_name(), "renewed");
  EXPECT_TRUE(halfway.shake_hands());
  for (tls_client* c : {&old, &halfway, &fresh}) {
    c->say(request_for("/"));
    EXPECT_EQ(next_reply(*c).body, "secure\n");
  }
  EXPECT_EQ(old.server_name(), "first");
}

TEST_F(http_tls, keeps_what_it_has_when_new_files_are_bad) {
  serving_test s(options());
  std::ofstream(keys.key) << "no key\n";
  EXPECT_THAT(s.it.reload_certificates(), AllOf(HasSubstr(keys.key), HasSubstr("private key")));
  EXPECT_TRUE(enters(s).shake_hands());
  ca.issue({}, "other");
  std::filesystem::copy_file(ca.file("other.key"), keys.key, std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(s.it.reload_certificates(), AllOf(HasSubstr(keys.key), HasSubstr("is not the key of")));
  std::filesystem::remove(keys.chain);
  EXPECT_THAT(s.it.reload_certificates(), HasSubstr(keys.chain));
  EXPECT_TRUE(enters(s).shake_hands());
}

TEST_F(http_tls, says_what_is_wrong_with_options) {
  const auto why = [&](server_options o) -> std::string {
    try {
      server refused(std::move(o));
      return "accepted";
    } catch (const std::exception& error) {
      return error.what();
    }
  };
  EXPECT_THAT(why({.tls_port = 0}), HasSubstr("there is no certificate"));
  EXPECT_THAT(why(options({.certificates = {{"/no/such", keys.key, {}}}})),
              AllOf(HasSubstr("/no/such"), HasSubstr("No such file")));
  EXPECT_THAT(why(options({.certificates = {{keys.chain, keys.chain, {}}}})), HasSubstr("private key"));
  EXPECT_THAT(why(options({.clients = net::client_certificates::required})), HasSubstr("client_ca_file"));
  EXPECT_THAT(why({.tls_only = true}), HasSubstr("tls_port"));
  auto without = options();
  without.tls_port.reset();
  EXPECT_THAT(why(std::move(without)), HasSubstr("tls_port"));
}

TEST_F(http_tls, says_close_notify_before_fin) {
  serving_test s(options());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto c = enters(s, {.most = version});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for("/", "Connection: close\r\n"));
    EXPECT_EQ(next_reply(c).body, "secure\n");
    EXPECT_THAT(c.hear_all(), IsEmpty());
    EXPECT_TRUE(c.told_of_the_end());
    EXPECT_TRUE(c.fin_follows());
  }
}

TEST_F(http_tls, answers_close_notify_with_its_own) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  next_reply(c);
  c.say_close();
  c.hear_all();
  EXPECT_TRUE(c.told_of_the_end());
  EXPECT_TRUE(c.fin_follows());
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 1; }));
}

TEST_F(http_tls, still_answers_who_has_said_close_notify) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/slow"));
  c.say_close();
  EXPECT_EQ(next_reply(c).body, "slow\n");
  c.hear_all();
  EXPECT_TRUE(c.told_of_the_end());
}

TEST_F(http_tls, counts_ends_without_close_notify) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  next_reply(c);
  c.end_sending();
  c.hear_all();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 1; }));
  EXPECT_THAT(fields(s), HasSubstr("tls_cut_off=1"));
}

TEST_F(http_tls, drains_idle_and_busy_connections_with_close_notify) {
  serving_test s(options());
  auto idle = enters(s), busy = enters(s), unused = enters(s);
  for (tls_client* c : {&idle, &busy, &unused}) ASSERT_TRUE(c->shake_hands());
  idle.say(request_for("/"));
  next_reply(idle);
  busy.say(request_for("/slow"));
  ASSERT_TRUE(s.eventually([&] { return s.it.requests().begun == 2; }));
  s.drain();
  EXPECT_EQ(next_reply(busy).body, "slow\n");
  for (tls_client* c : {&idle, &busy, &unused}) {
    c->hear_all();
    EXPECT_TRUE(c->told_of_the_end());
    EXPECT_TRUE(c->fin_follows());
    c->say_close();
    c->close();
  }
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().closed_clean, 3u);
  EXPECT_THAT(fields(s), HasSubstr("crossed_our_fin=0"));
}

TEST_F(http_tls, answers_in_a_drain_what_came_while_a_handler_was_at_work) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/slow"));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().begun == 1; }));
  c.say(request_for("/"));
  s.drain();
  EXPECT_EQ(next_reply(c).body, "slow\n");
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "secure\n");
  EXPECT_TRUE(last.closes());
}

TEST_F(http_tls, finishes_or_refuses_handshakes_that_are_in_progress_at_the_drain) {
  auto o = options();
  o.silence = 2s;
  serving_test s(std::move(o));
  auto before = enters(s), halfway = enters(s), between = enters(s), stalled = enters(s), silent = enters(s);
  const std::string hello = halfway.hello();
  halfway.say_raw(hello.substr(0, 40));
  between.say_raw(between.hello());
  stalled.say_raw(stalled.hello().substr(0, 40));
  ASSERT_TRUE(s.eventually([&] { return s.it.connections().accepted == 5; }));
  pollfd answer{.fd = between.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&answer, 1, 10'000), 1);
  s.drain();
  halfway.say_raw(hello.substr(40));
  for (tls_client* c : {&before, &halfway, &between}) {
    ASSERT_TRUE(c->shake_hands());
    c->say(request_for("/"));
    const reply r = next_reply(*c);
    EXPECT_EQ(r.body, "secure\n");
    EXPECT_TRUE(r.closes());
    c->hear_all();
    EXPECT_TRUE(c->told_of_the_end());
    c->close();
  }
  EXPECT_FALSE(stalled.shake_hands());
  EXPECT_TRUE(stalled.fin_follows());
  EXPECT_TRUE(silent.fin_follows());
  stalled.close();
  silent.close();
  EXPECT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections().forced, 0u);
  EXPECT_THAT(fields(s), HasSubstr("tls_failed_drained=2"));
}

TEST_F(http_tls, gives_a_stalled_handshake_its_time_and_no_more) {
  serving_test s(options({.handshake_time = 100ms}));
  auto silent = enters(s), stalled = enters(s);
  stalled.say_raw(stalled.hello().substr(0, 20));
  EXPECT_FALSE(stalled.shake_hands());
  EXPECT_TRUE(stalled.fin_follows());
  EXPECT_TRUE(silent.fin_follows());
  EXPECT_THAT(fields(s), HasSubstr("tls_failed_timed_out=2"));
  stalled.close();
  silent.close();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 2; }));
}

TEST_F(http_tls, tells_who_speaks_http_without_tls) {
  serving_test s(options());
  testing_net::client plain(s.it.tls_address());
  plain.say(request_for("/", "", "OPTIONS"));
  const std::string said = plain.hear_all();
  EXPECT_THAT(said, AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"),
                          HasSubstr("this port speaks TLS only; use https:// for it\n")));
  EXPECT_EQ(plain.heard_error(), 0);
  EXPECT_THAT(said, HasSubstr("Content-Length: " + std::to_string(said.size() - said.find("\r\n\r\n") - 4)));
  EXPECT_THAT(fields(s), HasSubstr("tls_failed_plain_http=1"));
  EXPECT_EQ(s.it.requests().begun, 0u);
}

TEST_F(http_tls, ends_what_is_no_tls_and_serves_the_others) {
  serving_test s(options());
  for (const std::string& garbage : {std::string(4000, '\0'), std::string("\x16\x03\x01\x00\x05hello"),
                                     std::string("\x80garbage"), std::string("\r\n\r\n")}) {
    testing_net::client c(s.it.tls_address());
    c.say(garbage);
    c.finish_sending();
    c.hear_all();
    EXPECT_EQ(c.heard_error(), 0);
  }
  EXPECT_TRUE(enters(s).shake_hands());
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().accepted == 5; }));
}

TEST_F(http_tls, refuses_renegotiation) {
  serving_test s(options());
  auto c = enters(s, {.most = TLS1_2_VERSION});
  ASSERT_TRUE(c.shake_hands());
  SSL_renegotiate(c.ssl());
  EXPECT_FALSE(c.shake_hands());
  EXPECT_EQ(c.reason(), SSL_R_NO_RENEGOTIATION);
}

TEST_F(http_tls, takes_some_key_updates_and_ends_a_flood_of_them) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  for (int i = 0; i < 50; ++i) {
    SSL_key_update(c.ssl(), SSL_KEY_UPDATE_REQUESTED);
    c.say(request_for("/"));
    ASSERT_EQ(next_reply(c).body, "secure\n") << i;
  }
  for (int i = 0; i < 40; ++i) {
    SSL_key_update(c.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    if (!c.shake_hands()) break;
  }
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "");
}

TEST_F(http_tls, answers_a_pipeline_that_comes_in_one_record_or_in_many) {
  serving_test s(options());
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  std::string all;
  for (int i = 0; i < 400; ++i) all += request_for("/", "X-Filler: " + std::string(200, 'f') + "\r\n");
  std::thread writer([&] { c.say(all); });
  writer.join();
  for (int i = 0; i < 400; ++i) ASSERT_EQ(next_reply(c).body, "secure\n") << i;
  for (const char byte : request_for("/")) c.say(std::string(1, byte));
  EXPECT_EQ(next_reply(c).body, "secure\n");
}

TEST_F(http_tls, sends_much_whole_and_takes_much_whole) {
  file = ca.file("large");
  std::string content(many_bytes, '\0');
  unsigned sum = 0, state = 1;
  for (char& each : content) {
    each = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    sum = sum * 31 + static_cast<unsigned char>(each);
  }
  std::ofstream(file, std::ios::binary) << content;
  auto o = options();
  o.limits.body_bytes = 2 * many_bytes;
  serving_test s(std::move(o));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto c = enters(s, {.most = version});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for("/big"));
    EXPECT_TRUE(next_reply(c).body == std::string(many_bytes, 'x'));
    c.say(request_for("/file"));
    EXPECT_TRUE(next_reply(c).body == content);
    c.say(request_for("/upload", "Content-Length: " + std::to_string(many_bytes) + "\r\n", "POST"));
    c.say(content);
    EXPECT_EQ(next_reply(c).body, std::to_string(many_bytes) + " " + std::to_string(sum) + "\n");
  }
}

TEST_F(http_tls, breaks_off_a_file_that_cannot_be_read_and_blames_nobody) {
  auto o = options();
  o.address = "127.0.0.1";
  serving_test s(std::move(o));
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  auto plain = s.enters();
  c.say(request_for("/unreadable"));
  plain.say(request_for("/unreadable"));
  EXPECT_THAT(c.hear_all(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(plain.hear_all(), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests() == request_ledger{.begun = 2, .broken = 2}; }));
  EXPECT_EQ(s.it.connections().reset_by_remote, 0U);
}

TEST_F(http_tls, waits_for_a_slow_reader_and_not_for_ever) {
  file = ca.file("file");
  std::ofstream(file) << std::string(many_bytes, 'x');
  auto o = options();
  o.limits.write_time = 200ms;
  serving_test s(std::move(o));
  std::uint64_t cut = 0;
  for (const char* target : {"/big", "/file"}) {
    auto c = enters(s, {.receive_buffer = 4096});
    ASSERT_TRUE(c.shake_hands());
    c.say(request_for(target));
    EXPECT_THAT(c.hear_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    ++cut;
    EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == cut; })) << target;
    c.hear_all();
    EXPECT_FALSE(c.told_of_the_end());  // it was cut, and must look like it
  }
}

TEST_F(http_tls, costs_nobody_else_anything_when_a_client_leaves_in_the_middle) {
  serving_test s(options());
  for (int i = 0; i < 20; ++i) {
    auto c = enters(s);
    const std::string hello = c.hello();
    c.say_raw(hello.substr(0, hello.size() * static_cast<std::size_t>(i) / 19));
    c.close();
  }
  auto c = enters(s);
  ASSERT_TRUE(c.shake_hands());
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "secure\n");
  EXPECT_TRUE(s.eventually([&] {
    const auto l = s.it.connections();
    return l.closed_by_remote + l.reset_by_remote + l.closed_clean == 20;
  }));
}

}  // namespace lastcall::http::tls_test
