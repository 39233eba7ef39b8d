// HTTP/2 sessions: any bytes behind the preface, at once and in pieces. Streams are told of in order, nothing comes of
// one that is closed, heads stay in their memory, and what is sent stays in proportion to what came. The input's first
// byte chooses how requests are answered.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/http/h2/h2_farewell.hpp"
#include "lastcall/http/h2/h2_flood.hpp"
#include "lastcall/http/h2/h2_head.hpp"
#include "lastcall/http/h2/h2_session.hpp"
#include "lastcall/http/message/authority.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/requests/http2.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

using namespace http::detail;

constexpr std::size_t body_bytes = 3000;

struct one_stream {
  explicit one_stream(std::int32_t number, const http::limits& l) : id(number), head({memory, sizeof memory}, r, l) {}
  std::int32_t id;
  char memory[2 * 1024];
  http::request r;
  h2_head head;
  bool head_is_here = false, ended = false, output_ended = false, answered = false;
  std::size_t unconsumed = 0, left = body_bytes;
};

class server final : public h2_events {
 public:
  explicit server(unsigned way) : way_(way), session_(*this, {.max_streams = 8, .head_bytes = 1024}) {
    limits_.head_bytes = 1024;
    require(session_.ok(), "there is memory");
  }

  void take(std::string_view bytes) {
    session_.receive(bytes);
    for (auto& [id, s] : open_) answer(*s);
    if (acknowledged_) session_.last();
    while (session_.send(out_, 16 * 1024)) {}
    dead_.clear();
  }
  void farewell() {
    session_.notice();
    take({});
    if ((way_ & 8) == 0) session_.last();
    take({});
  }
  std::size_t sent() const noexcept { return out_.size(); }
  std::size_t begun() const noexcept { return begun_; }

 private:
  one_stream& stream_of(void* s) {
    auto* const at = static_cast<one_stream*>(s);
    require(open_.contains(at->id), "nothing is told of a stream that is closed");
    return *at;
  }
  void answer(one_stream& s) {
    session_.consume(s.id, std::exchange(s.unconsumed, 0));
    if (!s.head_is_here || s.answered || ((way_ & 1) && !s.ended)) return;
    s.answered = true;
    const h2_field fields[] = {{"x", "y"}};
    if (way_ & 2) session_.respond_continue(s.id);
    session_.respond(s.id, 200, fields, (way_ & 4) != 0);
  }

  void* on_begin(std::int32_t id) noexcept override {
    require(id > last_, "ids grow");
    last_ = id;
    ++begun_;
    return (open_[id] = std::make_unique<one_stream>(id, limits_)).get();
  }
  void on_field(void* s, std::string_view name, std::string_view value) noexcept override {
    require(!stream_of(s).head_is_here, "fields come before the head is complete");
    stream_of(s).head.add(name, value);
  }
  void on_head(void* p, bool ended) noexcept override {
    one_stream& s = stream_of(p);
    require(!s.head_is_here, "a head is complete once");
    s.head_is_here = true;
    s.ended = ended;
    message_info info;
    const auto verdict = s.head.finish(ended, info);
    require(s.head.size() <= sizeof s.memory, "a head stays in its memory");
    if (verdict.what == h2_verdict::kind::sound) {
      require(!s.r.host().empty() && is_sound_authority(s.r.host(), false), "a sound head has a sound host");
      require(s.r.verb() == http::method::connect || !s.r.path().empty(), "and a path");
    }
    if (verdict.what == h2_verdict::kind::malformed) session_.reset(s.id, h2_error::protocol);
  }
  void on_data(void* p, std::string_view bytes) noexcept override {
    one_stream& s = stream_of(p);
    require(s.head_is_here && !s.ended, "data is between head and end");
    s.unconsumed += bytes.size();
    require(s.unconsumed <= 65'535 + 16'384, "no more than the window and a frame is held");
  }
  void on_trailer(void* s, std::string_view, std::string_view) noexcept override {
    require(stream_of(s).head_is_here, "trailers come behind the head");
  }
  void on_end(void* p) noexcept override {
    one_stream& s = stream_of(p);
    require(s.head_is_here && !s.ended, "a request ends once");
    s.ended = true;
  }
  h2_output on_output(void* p, std::span<char> into) noexcept override {
    one_stream& s = stream_of(p);
    const std::size_t n = std::min({into.size(), s.left, std::size_t{700}});
    std::fill_n(into.data(), n, 'x');
    s.left -= n;
    return {s.left == 0 ? h2_output::kind::end : h2_output::kind::more, n};
  }
  void on_output_end(void* s) noexcept override {
    require(!std::exchange(stream_of(s).output_ended, true), "a response ends once");
  }
  void on_lost(void*) noexcept override { require(false, "what is small is sent"); }
  void on_close(void* p, h2_error, bool) noexcept override {
    one_stream& s = stream_of(p);
    session_.consume_connection(std::exchange(s.unconsumed, 0));
    dead_.push_back(std::move(open_[s.id]));
    open_.erase(s.id);
  }
  void on_settings() noexcept override {}
  void on_ping_acknowledged() noexcept override { acknowledged_ = true; }
  bool on_noise(h2_noise what) noexcept override { return flood_.exceeds(what, time_point(std::chrono::hours(1))); }
  void on_refused(std::int32_t) noexcept override {}

  const unsigned way_;
  http::limits limits_;
  h2_flood flood_;
  std::map<std::int32_t, std::unique_ptr<one_stream>> open_;
  std::vector<std::unique_ptr<one_stream>> dead_;
  std::int32_t last_ = 0;
  std::size_t begun_ = 0;
  bool acknowledged_ = false;
  std::string out_;
  h2_session session_;
};

void run(std::string_view input, unsigned way, choices* choose) {
  server one(way);
  one.take(http2_preface);
  std::size_t at = 0;
  for (bool told = false; at < input.size();) {
    const exact_copy part(input.substr(at, choose ? choose->next(input.size() / 4 + 2) : input.size()));
    one.take(part.view());
    at += part.view().size();
    if (choose && !told && (way & 16) && at > input.size() / 2) one.farewell(), told = true;
  }
  one.farewell();
  require(one.sent() <= 1024 + 8 * input.size() + one.begun() * (body_bytes + 200), "what is sent is in proportion");
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  if (size < 1) return 0;
  const auto input = text(data + 1, size - 1);
  run(input, data[0], nullptr);
  choices choose(input);
  run(input, data[0], &choose);
  return 0;
}
