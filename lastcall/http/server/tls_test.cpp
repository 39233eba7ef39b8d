// The server over TLS: the handshake, what a client agrees on and hears, and certificates.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "lastcall/http/server/tls_serving_test.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::http::tls_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_net::authority;
using testing_net::tls_client;

struct tls : testing_tls::tls_serving {};

TEST_F(tls, speaks_both_versions) {
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

TEST_F(tls, refuses_versions_below_the_least) {
  serving_test s(options({.least = net::tls_version::v1_3}));
  EXPECT_FALSE(enters(s, {.most = TLS1_2_VERSION}).shake_hands());
  EXPECT_TRUE(enters(s).shake_hands());
  EXPECT_TRUE(s.eventually([&] { return fields(s).find("tls_failed_nothing_in_common=1") != std::string::npos; }));
}

TEST_F(tls, agrees_on_http_1_1_and_on_nothing_else) {
  serving_test s(options());
  auto both = enters(s, {.alpn = {"spdy/1", "http/1.1"}});
  ASSERT_TRUE(both.shake_hands());
  EXPECT_EQ(both.protocol(), "http/1.1");
  EXPECT_FALSE(enters(s, {.alpn = {"spdy/1"}}).shake_hands());
}

TEST_F(tls, shows_the_certificate_of_the_name_that_is_asked_for) {
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

TEST_F(tls, knows_clients_by_their_certificates) {
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

TEST_F(tls, resumes_sessions_unless_told_not_to) {
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

TEST_F(tls, reloads_without_dropping_a_connection) {
  serving_test s(options());
  auto old = enters(s);
  ASSERT_TRUE(old.shake_hands());
  auto halfway = enters(s);
  halfway.say_raw(halfway.hello());
  ca.issue({.common_name = "renewed"}, "first");
  EXPECT_TRUE(s.it.reload_certificates());
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

TEST_F(tls, keeps_what_it_has_when_new_files_are_bad) {
  serving_test s(options());
  EXPECT_EQ(serving_test({}).it.reload_certificates().error(), std::errc::operation_not_supported) << "without TLS";
  std::string why;
  net::tls_context alone({.certificates = {{keys.chain, keys.key, {}}}}, "http",
                         logger(log_level::error, [&](const log_record& r) { why = r.fields[0].value; }));
  const auto reload = [&] {
    EXPECT_EQ(alone.reload().error(), s.it.reload_certificates().error());
    return alone.reload().error();
  };
  std::ofstream(keys.key) << "no key\n";
  EXPECT_EQ(reload(), std::errc::invalid_argument);
  EXPECT_THAT(why, AllOf(HasSubstr(keys.key), HasSubstr("private key")));
  EXPECT_TRUE(enters(s).shake_hands());
  ca.issue({}, "other");
  std::filesystem::copy_file(ca.file("other.key"), keys.key, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(reload(), std::errc::invalid_argument);
  EXPECT_THAT(why, AllOf(HasSubstr(keys.key), HasSubstr("is not the key of")));
  std::filesystem::remove(keys.chain);
  EXPECT_EQ(reload(), std::errc::no_such_file_or_directory);
  EXPECT_THAT(why, HasSubstr(keys.chain));
  EXPECT_TRUE(enters(s).shake_hands());
}

TEST_F(tls, says_what_is_wrong_with_options) {
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

TEST_F(tls, gives_a_stalled_handshake_its_time_and_no_more) {
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

TEST_F(tls, tells_who_speaks_http_without_tls) {
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

TEST_F(tls, ends_what_is_no_tls_and_serves_the_others) {
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

TEST_F(tls, refuses_renegotiation) {
  serving_test s(options());
  auto c = enters(s, {.most = TLS1_2_VERSION});
  ASSERT_TRUE(c.shake_hands());
  SSL_renegotiate(c.ssl());
  EXPECT_FALSE(c.shake_hands());
  EXPECT_EQ(c.reason(), SSL_R_NO_RENEGOTIATION);
}

}  // namespace lastcall::http::tls_test
