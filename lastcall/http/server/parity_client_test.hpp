// For the parity table: the client's end of one connection, with the same verbs over every transport. Blocking calls,
// each of which ends within 10 s.
#pragma once

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/h2/h2_frames_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/tls/tls_client_test.hpp"

namespace lastcall::inline v0::http::testing_parity {

using testing_h2::fields;

/// What a client heard in answer to one request. Fields of the connection, and the date, are left out.
struct heard {
  int continues = 0;  // 100 Continue
  int status = 0;     // 0: no answer
  std::map<std::string, std::string> fields = {};
  std::string body = {};
  std::string trailers = {};
  bool whole = false;  // the client can tell that it has all of it

  static std::string in_small_letters(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name;
  }
  void add_trailer(const std::string& name, const std::string& value) {
    trailers += in_small_letters(name) + ": " + value + "\n";
  }
  void add(std::string name, const std::string& value) {
    name = in_small_letters(std::move(name));
    for (const char* left_out : {"date", "connection", "transfer-encoding"})
      if (name == left_out) return;
    std::string& all = fields[name];
    all.append(all.empty() ? "" : ", ").append(value);
  }
};

class client {
 public:
  virtual ~client() = default;
  /// `ends`: no body follows. A body without content-length is chunked over HTTP/1.1.
  virtual void head(const std::string& method, const std::string& target, const fields& more, bool ends) = 0;
  virtual void half_a_head() = 0;
  /// False: the server takes no more.
  virtual bool piece(std::string_view bytes) = 0;
  virtual void end(const fields& trailers) = 0;
  virtual heard hear() = 0;
  /// Waits so long for the first byte of an answer, which `hear` then has.
  virtual bool answer_comes_within(duration) = 0;
  /// Gives the request up, as a browser does whose window was closed.
  virtual void leave() = 0;
  virtual void half_close() = 0;
};

inline bool said(testing_net::client& wire, std::string_view bytes) { return wire.say(bytes) == bytes.size(); }
inline bool said(testing_net::tls_client& wire, std::string_view bytes) { return wire.say(bytes); }
/// What comes within that time, at most so many bytes.
template <class Wire> std::string hears_within(Wire& wire, std::size_t bytes, duration time) {
  const auto wait = [&](duration most) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(most).count();
    const timeval limit{.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
    ::setsockopt(wire.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  };
  wait(time);
  std::string got = wire.hear_bytes(bytes);
  wait(testing_net::generous);
  return got;
}
inline void half_closes(testing_net::client& wire) { wire.finish_sending(); }
inline void half_closes(testing_net::tls_client& wire) {
  wire.say_close();
  wire.end_sending();
}

template <class Wire> class h1_client final : public client {
 public:
  explicit h1_client(Wire w) : wire_(std::move(w)) {}

  void head(const std::string& method, const std::string& target, const fields& more, bool ends) override {
    to_head_ = method == "HEAD";
    chunked_ = !ends;
    std::string out = method + " " + target + " HTTP/1.1\r\nHost: a\r\n";
    for (const auto& [name, value] : more) {
      out.append(name).append(": ").append(value).append("\r\n");
      if (name == "content-length") chunked_ = false;
    }
    said(wire_, out + (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n"));
  }
  void half_a_head() override { said(wire_, "GET /plain HT"); }
  bool piece(std::string_view bytes) override {
    if (!chunked_ || bytes.empty()) return said(wire_, bytes);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return said(wire_, std::string(size).append(bytes).append("\r\n"));
  }
  void end(const fields& trailers) override {
    if (!chunked_) return;
    std::string out = "0\r\n";
    for (const auto& [name, value] : trailers) out.append(name).append(": ").append(value).append("\r\n");
    said(wire_, out + "\r\n");
  }
  heard hear() override {
    heard h;
    for (;;) {
      const std::string head = std::exchange(first_, {}) + wire_.hear_until("\r\n\r\n");
      if (!head.ends_with("\r\n\r\n")) return h;
      const int status = std::stoi(head.substr(9, 3));
      if (status == 100) {
        ++h.continues;
        continue;
      }
      h.status = status;
      return read_body(h, head), h;
    }
  }
  bool answer_comes_within(duration time) override {
    if (first_.empty()) first_ = hears_within(wire_, 1, time);
    return !first_.empty();
  }
  void leave() override {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(wire_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    wire_.close();
  }
  void half_close() override { half_closes(wire_); }

 private:
  void read_body(heard& h, std::string_view head) {
    bool chunked = false;
    std::optional<std::size_t> length;
    for (head.remove_prefix(head.find("\r\n") + 2); head.size() > 2; head.remove_prefix(head.find("\r\n") + 2)) {
      const auto colon = head.find(':');
      const std::string name(head.substr(0, colon)), value(head.substr(colon + 2, head.find("\r\n") - colon - 2));
      h.add(name, value);
      chunked = chunked || name == "Transfer-Encoding";
      if (name == "Content-Length") length = std::stoul(value);
    }
    if (to_head_ || h.status == 204 || h.status == 304) {
      h.whole = true;
    } else if (length) {
      h.body = wire_.hear_bytes(*length);
      h.whole = h.body.size() == *length;
    } else if (chunked) {
      read_chunks(h);
    }
  }
  void read_chunks(heard& h) {
    for (;;) {
      const std::string size = wire_.hear_until("\r\n");
      if (size.size() < 3) return;
      const std::size_t bytes = std::stoul(size, nullptr, 16);
      if (bytes == 0) break;
      h.body += wire_.hear_bytes(bytes);
      if (wire_.hear_bytes(2) != "\r\n") return;
    }
    for (;;) {
      const std::string line = wire_.hear_until("\r\n");
      if (!line.ends_with("\r\n")) return;
      if (line.size() == 2) break;
      h.add_trailer(line.substr(0, line.find(':')), line.substr(line.find(':') + 2, line.size() - line.find(':') - 4));
    }
    h.whole = true;
  }

  Wire wire_;
  std::string first_;  // of an answer
  bool to_head_ = false;
  bool chunked_ = false;
};

template <class Wire> class h2_client final : public client {
 public:
  explicit h2_client(Wire w) : wire_(std::move(w)) {
    using namespace testing_h2;
    nghttp2_hd_inflate_new(&inflater_);
    // Windows that nothing fills.
    said(wire_, preface + settings({{4, 0x7fffffff}}) + settings_ack() + window(0, 0x7f000000));
  }
  ~h2_client() override { nghttp2_hd_inflate_del(inflater_); }
  h2_client& operator=(h2_client&&) = delete;

  void head(const std::string& method, const std::string& target, const fields& more, bool ends) override {
    id_ = next_id();
    const std::string block = testing_h2::request_block(method, target, more);
    constexpr std::size_t most = 16'384;  // of one frame
    const bool fits = block.size() <= most;
    said(wire_, testing_h2::headers(id_, block.substr(0, most),
                                    (fits ? testing_h2::end_headers : 0) | (ends ? testing_h2::end_stream : 0)));
    if (!fits)
      said(wire_, testing_h2::frame(testing_h2::continuation_frame, testing_h2::end_headers, id_, block.substr(most)));
  }
  void half_a_head() override {
    id_ = next_id();
    said(wire_, testing_h2::headers(id_, testing_h2::request_block("GET", "/plain"), testing_h2::end_stream));
  }
  /// Says nothing while the server has not room for all of it.
  bool piece(std::string_view bytes) override {
    if (bytes.size() > std::min(room_, connection_room_)) return true;
    room_ -= bytes.size();
    connection_room_ -= bytes.size();
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 16'384)))
      if (!said(wire_, testing_h2::data(id_, bytes.substr(0, 16'384), 0))) return false;
    return true;
  }
  void end(const fields& trailers) override {
    said(wire_, trailers.empty() ? testing_h2::data(id_, "") : testing_h2::headers(id_, testing_h2::block(trailers)));
  }
  heard hear() override {
    while (!over_ && hear_frame()) {}
    over_ = false;
    return std::exchange(now_, {});
  }
  bool answer_comes_within(duration time) override {
    first_ += hears_within(wire_, frame_head - first_.size(), time);
    return (first_.size() == frame_head && !hear_frame()) || over_ || now_.status + now_.continues > 0;
  }
  void leave() override { said(wire_, testing_h2::reset(id_)); }
  void half_close() override { half_closes(wire_); }

 private:
  std::uint32_t next_id() const noexcept { return id_ == 0 ? 1 : id_ + 2; }
  /// False at the end.
  bool hear_frame() {
    using namespace testing_h2;
    std::string bytes = std::exchange(first_, {});
    bytes += wire_.hear_bytes(frame_head - bytes.size());
    if (bytes.size() < frame_head) return false;
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
    bytes += wire_.hear_bytes(at(0) << 16 | at(1) << 8 | at(2));
    const auto f = take_frame(bytes);
    if (!f) return false;
    if (f->type == ping_frame && f->flags == 0) said(wire_, frame(ping_frame, ack, 0, f->payload));
    if (f->type == window_frame) (f->id == 0 ? connection_room_ : room_) += f->number_at(0);
    if (f->id != id_) return true;
    if (f->type == headers_frame) take_fields(now_, f->payload);
    if (f->type == data_frame) now_.body += f->payload;
    now_.whole = f->type <= headers_frame && (f->flags & end_stream) != 0;
    over_ = now_.whole || f->type == rst_frame;
    return true;
  }
  /// A block that came in one frame, as all of this server do that are short.
  void take_fields(heard& h, const std::string& block) {
    const bool behind_body = h.status != 0;
    auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    for (std::size_t left = block.size(); left > 0;) {
      nghttp2_nv nv;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, at, left, 1);
      if (used < 0) return;
      at += used;
      left -= static_cast<std::size_t>(used);
      if (flags & NGHTTP2_HD_INFLATE_EMIT) {
        const std::string name(reinterpret_cast<char*>(nv.name), nv.namelen);
        const std::string value(reinterpret_cast<char*>(nv.value), nv.valuelen);
        if (name == ":status") {
          h.status = std::stoi(value);
        } else if (behind_body) {
          h.add_trailer(name, value);
        } else {
          h.add(name, value);
        }
      }
      if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    if (h.status == 100) h = {.continues = h.continues + 1};
  }

  static constexpr std::size_t frame_head = 9;

  Wire wire_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string first_;  // bytes of the next frame's head
  heard now_;
  bool over_ = false;                                     // `now_` gets nothing more
  std::size_t room_ = 65'535, connection_room_ = 65'535;  // RFC 9113 section 6.9.2; of one stream with a body
  std::uint32_t id_ = 0;
};

}  // namespace lastcall::inline v0::http::testing_parity
