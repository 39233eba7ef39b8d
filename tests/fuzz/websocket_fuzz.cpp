// WebSocket frames: the protocol against a plain reader that sees all of the input, and the same events and answers
// however it is split. The input's first byte chooses the size limit, the second when messages begin to be ignored.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/ws/ws_protocol.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

using ws::message;
using ws::message_kind;
using ws::detail::event;
using ws::detail::protocol;

/// What came of it all.
struct outcome {
  std::vector<message> messages;
  std::string said;        // pongs and Close, as sent
  std::uint16_t code = 0;  // of the remote's Close
  bool failed = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// The plain reading of table 3-7 of The Unicode Standard: 1 to 4, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto is = [&](std::size_t i, int low, int high) {
    const int byte = i < text.size() ? static_cast<unsigned char>(text[i]) : -1;
    return byte >= low && byte <= high;
  };
  const auto follow = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i <= last; ++i)
      if (!is(i, 0x80, 0xbf)) return false;
    return true;
  };
  if (is(0, 0, 0x7f)) return 1;
  if (is(0, 0xc2, 0xdf) && follow(1, 1)) return 2;
  const bool three = (is(0, 0xe0, 0xe0) && is(1, 0xa0, 0xbf)) || (is(0, 0xe1, 0xec) && follow(1, 1)) ||
                     (is(0, 0xed, 0xed) && is(1, 0x80, 0x9f)) || (is(0, 0xee, 0xef) && follow(1, 1));
  if (three && follow(2, 2)) return 3;
  const bool four = (is(0, 0xf0, 0xf0) && is(1, 0x90, 0xbf)) || (is(0, 0xf1, 0xf3) && follow(1, 1)) ||
                    (is(0, 0xf4, 0xf4) && is(1, 0x80, 0x8f));
  return four && follow(2, 3) ? 4 : 0;
}

bool utf8(std::string_view text, bool may_go_on) {
  while (!text.empty()) {
    const std::size_t n = sequence_length(text);
    if (n == 0) {
      if (!may_go_on || text.size() > 3) return false;
      // A valid beginning is one that some continuation makes whole.
      for (const char* rest : {"\x80", "\x80\x80", "\x90\x80\x80", "\xa0\x80", "\xa0", "\x90\x80", "\x80\x80\x80"})
        if (sequence_length(std::string(text) + rest) > text.size()) return true;
      return false;
    }
    text.remove_prefix(n);
  }
  return true;
}

/// Reads frame by frame; written for being read, not for speed.   Source: RFC 6455.
class plain_reader {
 public:
  plain_reader(std::string_view in, std::size_t most) : in_(in), most_(most) {}

  outcome read() {
    while (frame()) {}
    return std::move(out_);
  }

 private:
  unsigned byte(std::size_t at) const { return static_cast<unsigned char>(in_[at]); }

  bool close(unsigned code) {
    out_.said += '\x88';
    out_.said +=
        code == 0 ? std::string(1, '\0') : std::string{'?', static_cast<char>(code >> 8), static_cast<char>(code)};
    return false;
  }
  bool fail(unsigned code) {
    out_.failed = true;
    return close(code);
  }

  bool frame() {
    if (in_.empty()) return false;
    const unsigned code = byte(0) & 15;
    const bool fin = byte(0) >= 128, control = code >= 8;
    if ((byte(0) & 0x70) || (code >= 3 && code <= 7) || code >= 11 || (control && !fin)) return fail(1002);
    if (in_.size() < 2) return false;
    std::uint64_t length = byte(1) & 127;
    if (control && length > 125) return fail(1002);
    if (byte(1) < 128) return fail(1002);
    std::size_t at = 2;
    if (length >= 126) {
      const std::size_t wide = length == 126 ? 2 : 8;
      if (in_.size() < 2 + wide) return false;
      length = 0;
      for (; at < 2 + wide; ++at) length = length * 256 + byte(at);
      if (length < (wide == 2 ? 126U : 65536U) || length > 0x7fffffffffffffffU) return fail(1002);
    }
    if (in_.size() < at + 4) return false;
    const std::string mask(in_.substr(at, 4));
    at += 4;
    if (!control) {
      if (code == 0 ? !begun_ : begun_) return fail(1002);
      if (!begun_) now_ = {code == 1 ? message_kind::text : message_kind::binary, {}};
      begun_ = true;
      if (now_.data.size() + length > most_) return fail(1009);
    }
    std::string payload(in_.substr(at, length));
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
    const bool whole = payload.size() == length;
    if (!control) {
      now_.data += payload;
      if (now_.kind == message_kind::text && !utf8(now_.data, true)) return fail(1007);
      if (!whole) return false;
      in_.remove_prefix(at + length);
      if (!fin) return true;
      begun_ = false;
      if (now_.kind == message_kind::text && !utf8(now_.data, false)) return fail(1007);
      out_.messages.push_back(now_);
      return true;
    }
    if (!whole) return false;
    in_.remove_prefix(at + length);
    if (code == 9) out_.said += std::string{'\x8a', static_cast<char>(payload.size())} + payload;
    if (code != 8) return true;
    if (payload.empty()) {
      out_.code = 1005;
      return close(0);
    }
    const unsigned said = payload.size() < 2 ? 0
                                             : static_cast<unsigned>(static_cast<unsigned char>(payload[0]) * 256 +
                                                                     static_cast<unsigned char>(payload[1]));
    const bool may = (said >= 1000 && said < 5000) && (said < 1016 || said >= 3000) && said != 1004 && said != 1005 &&
                     said != 1006 && said != 1015;
    if (!may) return fail(1002);
    if (!utf8(std::string_view(payload).substr(2), false)) return fail(1007);
    out_.code = static_cast<std::uint16_t>(said);
    return close(said);
  }

  std::string_view in_;
  std::size_t most_;
  bool begun_ = false;
  message now_;
  outcome out_;
};

/// As the plain reader writes: a Close without its size and its reason, which is for people.
std::string without_reasons(std::string_view sent) {
  std::string all;
  while (!sent.empty()) {
    const std::size_t size = static_cast<unsigned char>(sent[1]);
    require(size <= 125 && sent.size() >= 2 + size, "what is sent is whole frames");
    if (sent[0] == '\x88') {
      require(sent.size() == 2 + size, "nothing follows a Close");
      all += sent[0];
      all += size == 0 ? std::string(1, '\0') : "?" + std::string(sent.substr(2, 2));
    } else {
      require(sent[0] == '\x8a', "only pongs and a Close are sent");
      all += sent.substr(0, 2 + size);
    }
    sent.remove_prefix(2 + size);
  }
  return all;
}

/// In pieces: of that many bytes, or by choice. `ignore_at`: from that byte on nothing is delivered.
outcome in_pieces(std::string_view bytes, std::size_t most, std::size_t piece, choices* random,
                  std::optional<std::size_t> ignore_at = {}) {
  protocol p(most);
  outcome out;
  std::string sent, waiting;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = random ? 1 + random->next(9) : piece;
    if (ignore_at && at < *ignore_at) size = std::min(size, *ignore_at - at);
    if (ignore_at && at == *ignore_at) p.ignore_messages();
    waiting += bytes.substr(at, size);
    at += size;
    const exact_copy here(waiting);
    std::string_view in = here.view();
    for (event e = p.next(in, sent); e != event::more; e = p.next(in, sent)) {
      if (e == event::message) {
        out.messages.push_back(p.take_message());
        require(!ignore_at || at <= *ignore_at, "nothing is delivered once it is to be ignored");
      }
    }
    waiting.erase(0, waiting.size() - in.size());
    require(waiting.size() < ws::detail::most_head_bytes, "only a part of a head is left behind");
  }
  out.said = without_reasons(sent);
  out.code = p.close_received() ? p.close_code() : 0;
  out.failed = p.failed();
  return out;
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  if (size < 2) return 0;
  const std::size_t most = 1 + std::size_t{data[0]} * 300;
  const std::size_t ignore_at = data[1];
  const std::string_view bytes = text(data + 2, size - 2);
  const outcome plain = plain_reader(bytes, most).read();
  const outcome whole = in_pieces(bytes, most, bytes.size() + 1, nullptr);
  require(whole == plain, "the protocol reads as the plain reader does");
  require(in_pieces(bytes, most, 1, nullptr) == plain, "byte by byte it is the same");
  choices random(bytes);
  require(in_pieces(bytes, most, 0, &random) == plain, "in pieces it is the same");
  in_pieces(bytes, most, 0, &random, ignore_at);
  return 0;
}
