// What other programs' clients see of certificates, key exchange, stapling and tickets: `openssl s_client`.
#include "lastcall/net/tls/tls_keys.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"

namespace lastcall::net::tls_keys_test {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_net::authority;

struct tls_keys : ::testing::Test {
  void serve(tls_options o) {
    it.emplace(tcp_server_options{.address = "127.0.0.1",
                                  .handler = [](tcp_stream s) -> task<> { co_await s.write("hello\n"); },
                                  .jitter = 0s,
                                  .tls = std::move(o)},
               on, logger(log_level::warning, [this](const log_record& r) {
                 const std::lock_guard lock(mutex);
                 heard.emplace_back(r.text);
               }));
    it->start({});
  }
  /// All that the client of OpenSSL prints.
  std::string client(const std::string& options) const {
    const std::string where = to_text(it->addresses().front());
    const std::string command = "timeout 20 openssl s_client -ign_eof -CAfile " + ca.ca_file() + " -connect " + where +
                                " " + options + " </dev/null 2>&1";
    const std::unique_ptr<FILE, testing_net::frees<::pclose>> out(::popen(command.c_str(), "r"));
    std::string all;
    char piece[4096];
    while (const std::size_t n = out ? std::fread(piece, 1, sizeof piece, out.get()) : 0) all.append(piece, n);
    return all;
  }
  void SetUp() override { on.start({}); }
  ~tls_keys() override {
    if (it) it->stop();
    on.stop();
  }

  authority ca;
  authority::files ecdsa = ca.issue({}, "ecdsa"), rsa = ca.issue({.rsa = true}, "rsa");
  runtime on{runtime::options{.threads = 1}};
  std::mutex mutex;
  std::vector<std::string> heard;
  std::optional<tcp_server> it;
};

TEST_F(tls_keys, serve_each_client_the_kind_of_certificate_that_it_can_use) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key}, {rsa.chain, rsa.key}}});
  for (const char* const name : {"-servername localhost", "-noservername"}) {
    for (const char* const version : {"-tls1_2", "-tls1_3"}) {
      const std::string as = std::string(name) + " " + version;
      // OpenSSL 3.5 calls it ecdsa_secp256r1_sha256 and rsa_pss_rsae_sha256.
      EXPECT_THAT(client(as), ContainsRegex("Peer signature type: (ECDSA|ecdsa_)")) << as;
      EXPECT_THAT(client(as + " -sigalgs RSA-PSS+SHA256:RSA+SHA256"), ContainsRegex("Peer signature type: (RSA|rsa_)"))
          << as;
    }
  }
  EXPECT_TRUE(heard.empty()) << heard.front();
}

TEST_F(tls_keys, say_that_a_certificate_has_no_effect) {
  const auto again = ca.issue({}, "again");
  serve({.certificates = {{ecdsa.chain, ecdsa.key}, {again.chain, again.key}}});
  EXPECT_THAT(heard, Contains(HasSubstr("is not used for a name")));
}

TEST_F(tls_keys, staple_what_ocsp_says_of_the_certificate_that_is_shown) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key, {}, ca.ocsp_response(ecdsa.chain)}, {rsa.chain, rsa.key}}});
  EXPECT_THAT(client("-status"), HasSubstr("OCSP Response Status: successful"));
  EXPECT_THAT(client("-status -sigalgs RSA-PSS+SHA256"), HasSubstr("OCSP response: no response sent"));
  EXPECT_THAT(client(""), Not(HasSubstr("OCSP Response Status")));
}

TEST_F(tls_keys, staple_nothing_that_has_expired_and_say_so) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key, {}, ca.ocsp_response(ecdsa.chain, -60)}}});
  EXPECT_THAT(client("-status"), HasSubstr("OCSP response: no response sent"));
  EXPECT_THAT(heard, Contains(HasSubstr("OCSP response has expired")));
}

TEST_F(tls_keys, refuse_a_staple_or_groups_that_cannot_be_used) {
  const auto with = [&](tls_certificate c, std::string groups = {}) {
    return tls_options{.certificates = {std::move(c)}, .groups = std::move(groups)};
  };
  EXPECT_THROW(serve(with({ecdsa.chain, ecdsa.key, {}, ecdsa.chain})), std::invalid_argument);
  EXPECT_THROW(serve(with({ecdsa.chain, ecdsa.key, {}, "/no/such/file"})), std::system_error);
  EXPECT_THROW(serve(with({ecdsa.chain, ecdsa.key, {}, ca.ocsp_response(rsa.chain)})), std::invalid_argument);
  EXPECT_THROW(serve(with({ecdsa.chain, ecdsa.key}, "P-256:none-such")), std::invalid_argument);
}

TEST_F(tls_keys, take_no_finite_field_groups_unless_told) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key}}});
  EXPECT_THAT(client("-tls1_3"), HasSubstr("Verify return code: 0"));
  EXPECT_THAT(client("-tls1_3"), AnyOf(HasSubstr("Server Temp Key: X25519"), HasSubstr("X25519MLKEM768")));
  EXPECT_THAT(client("-tls1_3 -groups ffdhe2048"), HasSubstr("handshake failure"));
  it->stop();
  serve({.certificates = {{ecdsa.chain, ecdsa.key}}, .groups = "ffdhe2048:X25519"});
  EXPECT_THAT(client("-tls1_3 -groups ffdhe2048"), HasSubstr("Verify return code: 0"));
}

TEST_F(tls_keys, agree_on_a_post_quantum_group_where_openssl_has_one) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key}}});
  if (OpenSSL_version_num() >= 0x30500000)
    EXPECT_THAT(client("-tls1_3 -groups X25519MLKEM768"), HasSubstr("Negotiated TLS1.3 group: X25519MLKEM768"));
  else
    EXPECT_THAT(client("-tls1_3"), HasSubstr("Server Temp Key: X25519,"));
}

TEST_F(tls_keys, resume_by_tickets_of_the_present_key_and_the_former_one_only) {
  serve({.certificates = {{ecdsa.chain, ecdsa.key}}, .ticket_key_time = 2s});
  const std::vector<std::string> versions = {"-tls1_2", "-tls1_3"};
  const auto kept = [&](const std::string& version) { return ca.file("session" + version); };
  for (const auto& each : versions) {
    EXPECT_THAT(client(each + " -sess_out " + kept(each)), HasSubstr("New, "));
    EXPECT_THAT(client(each + " -sess_in " + kept(each)), HasSubstr("Reused, "));
  }
  std::this_thread::sleep_for(4100ms);  // two lifetimes
  for (const auto& each : versions) EXPECT_THAT(client(each + " -sess_in " + kept(each)), HasSubstr("New, "));
}

}  // namespace lastcall::net::tls_keys_test
