// The promise over HTTP/2: busy clients lose no stream when the server is told to stop, counted stream by stream.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/process/h2_client.hpp"
#include "tests/process/testbed.hpp"
#include "tests/process/tls_clients.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

struct result {
  h2_counts client;
  document report;
  std::optional<exit_status> exit;
  std::string errors;
};

/// The same over TLS, agreed on by ALPN.
class h2_over_tls final : public h2_wire {
 public:
  h2_over_tls(const endpoint& to, tls_client::wish wanted) : client_(to, std::move(wanted)) {
    if (client_.connect_error() != 0) return;
    connected_ = true;
    well_ = client_.shake_hands() && client_.protocol() == "h2";
  }
  int fd() const noexcept override { return connected_ ? client_.fd() : -1; }
  std::string seal(std::string_view plain) override {
    SSL_write(client_.ssl(), plain.data(), static_cast<int>(plain.size()));
    std::string all;
    for (std::string piece; !(piece = client_.owed()).empty();) all += piece;
    return all;
  }
  std::string open(std::string_view came) override {
    BIO_write(SSL_get_rbio(client_.ssl()), came.data(), static_cast<int>(came.size()));
    std::string all;
    char bytes[16 * 1024];
    for (int n; (n = SSL_read(client_.ssl(), bytes, sizeof bytes)) > 0;) all.append(bytes, static_cast<std::size_t>(n));
    return all;
  }
  bool told_of_the_end() const noexcept override { return well_ && client_.told_of_the_end(); }

 private:
  tls_client client_;
  bool connected_ = false, well_ = false;
};

result stop_under_load(const std::string& path, std::chrono::milliseconds after, std::vector<std::string> more = {},
                       const tls_house* tls = nullptr) {
  more.insert(more.end(), {"--h2c", "--grace", "10s"});
  if (tls) more = tls->arguments(std::move(more));
  testbed server(more);
  h2_client::options o{.to = parse_server_address(server.url()), .path = path, .after = after};
  if (tls)
    o.connect = [to = tls_house::where(server), wish = tls_client::wish{.ca_file = tls->ca.ca_file(), .alpn = {"h2"}}] {
      return std::make_unique<h2_over_tls>(to, wish);
    };
  result r;
  r.client = h2_client::run(o, [&] { server.process.signal(SIGTERM); });
  r.exit = server.wait(deadline(20s));
  r.report = server.report();
  r.errors = server.process.errors();
  return r;
}

void expect_lossless(const std::string& path, int times, const tls_house* tls = nullptr) {
  h2_counts sum;
  for (int i = 0; i < times; ++i) {
    SCOPED_TRACE(path + ", run " + std::to_string(i));
    const auto r = stop_under_load(path, 200ms + (i * 37 % 100) * 1ms, {}, tls);
    const h2_counts& c = r.client;
    EXPECT_FALSE(c.timed_out);
    EXPECT_EQ(c.lost, 0U);
    EXPECT_EQ(c.wrong, 0U);
    EXPECT_EQ(c.resets, 0U);
    EXPECT_EQ(c.rude, 0U) << "an end without close_notify, or no h2";
    EXPECT_EQ(c.ends, c.connections);
    EXPECT_GT(c.answered, 0U);
    EXPECT_EQ(c.answered + c.safe, c.attempted);
    EXPECT_EQ(r.exit, exit_status{.code = 0}) << r.errors;
    ASSERT_TRUE(r.report);
    EXPECT_EQ(r.report.text("result"), "drained");
    expect_ledgers_add_up(r.report);
    EXPECT_EQ(r.report.number("requests.answered"), static_cast<double>(c.answered)) << "client and server disagree";
    for (const char* none : {"requests.rejected", "requests.abandoned_by_client", "requests.forced",
                             "connections.forced", "connections.timed_out", "connections.reset_by_remote"})
      EXPECT_EQ(r.report.number(none), 0) << none;
    sum.attempted += c.attempted;
    sum.answered += c.answered;
    sum.safe += c.safe;
    sum.lost += c.lost;
    sum.goaways += c.goaways;
    if (testing::Test::HasFailure()) FAIL() << r.errors;
  }
  std::printf("%s%s: %d shutdowns, %llu streams, %llu answered, %llu safe to send again, %llu lost, %llu GOAWAYs\n",
              path.c_str(), tls ? " over TLS" : "", times, static_cast<unsigned long long>(sum.attempted),
              static_cast<unsigned long long>(sum.answered), static_cast<unsigned long long>(sum.safe),
              static_cast<unsigned long long>(sum.lost), static_cast<unsigned long long>(sum.goaways));
}

TEST(h2_lossless, for_128_busy_streams) { expect_lossless("/", runs(20, 3)); }
TEST(h2_lossless, for_streams_that_take_a_while) { expect_lossless("/slow?ms=30", runs(20, 1)); }
TEST(h2_lossless, for_downloads) { expect_lossless("/big?bytes=200000", runs(20, 1)); }

TEST(h2_lossless, over_tls) {
  const tls_house tls;
  expect_lossless("/", runs(20, 2), &tls);
  expect_lossless("/slow?ms=30", runs(20, 1), &tls);
}

// What the counter is worth: without the farewell it sees what is lost.
TEST(h2_lossless, not_without_a_farewell) {
  const auto r = stop_under_load("/slow?ms=30", 200ms, {"--stop", "close"});
  EXPECT_GT(r.client.lost, 0U);
}

}  // namespace
