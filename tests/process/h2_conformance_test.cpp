// HTTP/2 as the RFCs have it: each line of h2_cases.hpp against the testbed, at once and in slices.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "tests/process/cases/h2_cases.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

/// Of all cases.
class shared_testbed {
 public:
  static server_address address() {
    static testbed one({"--h2c", "--max-body", "100000", "--log", "none", "--threads", "1"});
    return parse_server_address(one.url());
  }
};

/// The fields of one header block after the other, by somebody else's decompressor.
class decompressor {
 public:
  decompressor() { nghttp2_hd_inflate_new(&it_); }
  ~decompressor() { nghttp2_hd_inflate_del(it_); }
  decompressor(const decompressor&) = delete;
  decompressor& operator=(const decompressor&) = delete;

  std::map<std::string, std::string> read(std::string_view block) {
    std::map<std::string, std::string> all;
    auto at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(it_, &field, &flags, at, left, 1);
      if (used < 0) break;
      at += used;
      left -= static_cast<std::size_t>(used);
      if (flags & NGHTTP2_HD_INFLATE_EMIT)
        all[{reinterpret_cast<const char*>(field.name), field.namelen}] = {reinterpret_cast<const char*>(field.value),
                                                                           field.valuelen};
      if (flags & NGHTTP2_HD_INFLATE_FINAL || (used == 0 && left == 0)) break;
    }
    nghttp2_hd_inflate_end_headers(it_);
    return all;
  }

 private:
  nghttp2_hd_inflater* it_ = nullptr;
};

constexpr std::uint32_t probe = 9'999;  // a stream above those of all cases

/// All that came on one connection.
class answers {
 public:
  void take(const h2::heard_frame& f) {
    switch (f.type) {
      case h2::headers_frame: {
        const auto fields = fields_.read(f.payload);
        const auto status = fields.find(":status");
        if (status != fields.end() && status->second != "100") status_[f.id] = std::stoi(status->second);
        if (fields.contains("connection") || fields.contains("transfer-encoding")) wrong = "a field of HTTP/1.1";
        if (f.flags & h2::end_stream) ended.insert(f.id);
        return;
      }
      case h2::data_frame:
        body[f.id] += f.payload;
        if (f.flags & h2::end_stream) ended.insert(f.id);
        return;
      case h2::rst_frame:
        reset[f.id] = f.number_at(0);
        return;
      case h2::goaway_frame:
        gone_away = f.number_at(4);
        return;
      default:
        return;
    }
  }
  int status(std::uint32_t id) const { return status_.contains(id) ? status_.at(id) : 0; }

  std::map<std::uint32_t, std::string> body;
  std::map<std::uint32_t, std::uint32_t> reset;
  std::set<std::uint32_t> ended;
  std::optional<std::uint32_t> gone_away;
  std::string wrong;

 private:
  std::map<std::uint32_t, int> status_;
  decompressor fields_;
};

class conversation {
 public:
  explicit conversation(std::size_t slice) : client_(shared_testbed::address()), slice_(slice) {}

  void say(std::string_view bytes) {
    while (!bytes.empty() && !client_.end_has_come()) {
      if (!client_.send(bytes.substr(0, slice_))) return;
      bytes.remove_prefix(std::min(slice_, bytes.size()));
    }
  }
  /// Until it is so, or the server's end. False: neither within 10 s.
  template <class F> bool listen_until(const F& so) {
    const deadline by(10s);
    while (!so()) {
      if (auto f = h2::take_frame(bytes_)) {
        heard.take(*f);
        continue;
      }
      if (end != raw_client::ended::open) return true;
      auto more = client_.read_next(by);
      if (more.bytes.empty() && more.how == raw_client::ended::open) return false;
      bytes_ += more.bytes;
      end = more.how;
    }
    return true;
  }

  answers heard;
  raw_client::ended end = raw_client::ended::open;

 private:
  raw_client client_;
  std::size_t slice_;
  std::string bytes_;
};

std::string describe(const answers& a) {
  std::string all = a.gone_away ? "goaway " + std::to_string(*a.gone_away) : "no goaway";
  for (const auto& [id, why] : a.reset) all += ", reset " + std::to_string(id) + ": " + std::to_string(why);
  for (const auto& [id, text] : a.body)
    all += ", " + std::to_string(id) + ": " + std::to_string(a.status(id)) + " " + text.substr(0, 200);
  return all;
}

void hold(const h2_case& c, std::size_t slice) {
  using kind = h2_case::outcome::kind;
  conversation with(slice);
  const auto& wanted = c.becomes;
  with.say(h2::preface + (c.bare ? "" : h2::settings() + h2::settings_ack()) + c.says);
  const auto& heard = with.heard;
  const auto one_of = [&](std::uint32_t code) {
    return std::find(wanted.codes.begin(), wanted.codes.end(), code) != wanted.codes.end();
  };
  if (wanted.what == kind::connection_error) {
    EXPECT_TRUE(with.listen_until([] { return false; })) << "no end came: " << describe(heard);
    EXPECT_EQ(with.end, raw_client::ended::fin);
    ASSERT_TRUE(heard.gone_away) << describe(heard);
    EXPECT_TRUE(one_of(*heard.gone_away)) << describe(heard);
    return;
  }
  const std::uint32_t id = wanted.stream;
  EXPECT_TRUE(with.listen_until([&] {
    switch (wanted.what) {
      case kind::stream_error:
        return heard.reset.contains(id);
      case kind::refused:
        return heard.reset.contains(id) || heard.ended.contains(id);
      case kind::answered:
        if (wanted.data_bytes) {
          const auto body = heard.body.find(id);
          return heard.status(id) != 0 && (body == heard.body.end() ? 0 : body->second.size()) >= *wanted.data_bytes;
        }
        return (heard.ended.contains(id) && (!wanted.then_reset || heard.reset.contains(id))) || heard.gone_away;
      default:
        return true;
    }
  })) << describe(heard);
  if (wanted.then_closed) {
    EXPECT_TRUE(with.listen_until([] { return false; }));
    EXPECT_EQ(with.end, raw_client::ended::fin);
    EXPECT_EQ(heard.status(id), wanted.status);
    return;
  }
  with.say(h2::window(0, 1'000'000) + h2::get(probe, "/livez"));
  EXPECT_TRUE(with.listen_until([&] { return heard.status(probe) != 0; })) << describe(heard);
  EXPECT_EQ(heard.status(probe), 200) << "not in use any more: " << describe(heard);
  EXPECT_EQ(heard.wrong, "");
  if (wanted.what == kind::stream_error || (wanted.what == kind::refused && heard.status(id) == 0)) {
    ASSERT_TRUE(heard.reset.contains(id)) << describe(heard);
    EXPECT_TRUE(one_of(heard.reset.at(id))) << describe(heard);
  }
  if (wanted.what == kind::refused && heard.status(id) != 0) {
    EXPECT_EQ(heard.status(id), wanted.status) << describe(heard);
  }
  if (wanted.what != kind::answered) return;
  EXPECT_EQ(heard.status(id), wanted.status) << describe(heard);
  const auto body = heard.body.find(id);
  const std::string text = body == heard.body.end() ? "" : body->second;
  if (wanted.body) {
    EXPECT_EQ(text, *wanted.body);
  }
  if (wanted.data_bytes) {
    EXPECT_EQ(text.size(), *wanted.data_bytes);
  }
  EXPECT_EQ(heard.reset.contains(id), wanted.then_reset) << describe(heard);
  if (wanted.then_reset) {
    EXPECT_EQ(heard.reset.at(id), h2::no_error);
  }
}

class h2_conformance : public testing::TestWithParam<h2_case> {};

TEST_P(h2_conformance, is_as_told) {
  for (const std::size_t slice : {std::size_t{1} << 20, std::size_t{7}}) {
    if (slice == 7 && GetParam().says.size() > 4000) continue;
    SCOPED_TRACE(slice == 7 ? "in slices" : "at once");
    hold(GetParam(), slice);
  }
}

std::string test_name(const testing::TestParamInfo<h2_case>& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
using testing::ValuesIn;
INSTANTIATE_TEST_SUITE_P(beginning, h2_conformance, ValuesIn(h2::beginning()), test_name);
INSTANTIATE_TEST_SUITE_P(framing, h2_conformance, ValuesIn(h2::framing_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(compression, h2_conformance, ValuesIn(h2::compression_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(state, h2_conformance, ValuesIn(h2::state_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(padding, h2_conformance, ValuesIn(h2::padding_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(continuation, h2_conformance, ValuesIn(h2::continuation_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(message, h2_conformance, ValuesIn(h2::message_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(settings, h2_conformance, ValuesIn(h2::settings_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(flow, h2_conformance, ValuesIn(h2::flow_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(semantics, h2_conformance, ValuesIn(h2::semantic_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(flood, h2_conformance, ValuesIn(h2::flood_cases()), test_name);

}  // namespace
