#include "lastcall/http/ws/ws_protocol.hpp"

#include <gmock/gmock.h>

#include <set>
#include <vector>

namespace lastcall::ws::detail::ws_protocol_test {

using namespace std::string_literals;

constexpr std::size_t most = 70'000;  // bytes of a message here

/// A client's frame. `first`: FIN, reserved bits and opcode.
std::string frame(int first, std::string payload, std::string mask = "\x37\xfa\x21\x3d") {
  std::string all(1, static_cast<char>(first));
  const std::size_t n = payload.size();
  const auto small = [&](std::size_t v) { all += static_cast<char>(0x80 | v); };
  if (n < 126) {
    small(n);
  } else if (n < 65536) {
    small(126);
    all += static_cast<char>(n >> 8);
    all += static_cast<char>(n & 0xff);
  } else {
    small(127);
    for (int shift = 56; shift >= 0; shift -= 8) all += static_cast<char>(n >> shift & 0xff);
  }
  for (std::size_t i = 0; i < n; ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  return all + mask + payload;
}
std::string text(std::string payload) { return frame(0x81, std::move(payload)); }
std::string binary(std::string payload) { return frame(0x82, std::move(payload)); }
std::string ping(std::string payload) { return frame(0x89, std::move(payload)); }
std::string pong(std::string payload) { return frame(0x8a, std::move(payload)); }
std::string begin(std::string payload) { return frame(0x01, std::move(payload)); }
std::string more(std::string payload) { return frame(0x00, std::move(payload)); }
std::string last(std::string payload) { return frame(0x80, std::move(payload)); }
std::string close(int code, const std::string& reason = "") {
  return frame(0x88, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + reason);
}

/// What the server has sent, in words: "<pong x> <close 1002>". Every frame must be sound.
std::string in_words(std::string_view sent) {
  std::string words;
  while (!sent.empty()) {
    frame_head head;
    const head_parse parsed = parse_frame_head(sent, head);
    if (parsed.error || parsed.bytes == 0 || head.masked || !head.fin) return words + "<broken>";
    sent.remove_prefix(parsed.bytes);
    const std::string_view body = sent.substr(0, head.length);
    sent.remove_prefix(body.size());
    if (head.code == opcode::pong) {
      words.append("<pong ").append(body).append("> ");
    } else if (head.code == opcode::close && body.size() >= 2) {
      const int code = static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]);
      words.append("<close ").append(std::to_string(code)).append("> ");
    } else if (head.code == opcode::close) {
      words.append("<close> ");
    } else {
      words.append("<what?> ");
    }
  }
  return words;
}

std::string shown(const std::string& data) { return data.size() <= 40 ? data : std::to_string(data.size()) + " bytes"; }

struct heard {
  std::string words;
  event last = event::more;
};

/// Everything that becomes of the client's bytes, given in pieces of that many.
heard hear(protocol& p, const std::string& bytes, std::size_t piece) {
  heard all;
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    waiting += bytes.substr(at, piece);
    std::string_view in = waiting;
    for (;;) {
      std::string out;
      const event e = p.next(in, out);
      if (e == event::message) {
        const message m = p.take_message();
        all.words += (m.kind == message_kind::text ? "T(" : "B(") + shown(m.data) + ") ";
      }
      if (e == event::ignored) all.words += "ignored ";
      if (e == event::pong) all.words += "pong ";
      all.words += in_words(out);
      if (e == event::more) break;
      all.last = e;
    }
    waiting.erase(0, waiting.size() - in.size());
  }
  if (!all.words.empty()) all.words.pop_back();
  return all;
}

struct conformance_case {
  const char* name;
  std::string says;
  std::string hears;
};

// RFC 6455, by section. T(…) and B(…) are messages that were delivered, <…> is what was sent.
std::vector<conformance_case> cases() {
  const std::string e_acute = "\xc3\xa9", euro = "\xe2\x82\xac", smile = "\xf0\x9f\x98\x80";
  return {
      // 5.2, 5.6: data frames
      {"an empty text", text(""), "T()"},
      {"an empty binary", binary(""), "B()"},
      {"a text", text("hello"), "T(hello)"},
      {"the text of RFC 6455 section 5.7", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "T(Hello)"},
      {"a binary", binary("\x01\x02"), "B(\x01\x02)"},
      {"a binary that is no UTF-8", binary("\xff\xfe"), "B(\xff\xfe)"},
      {"two texts at once", text("a") + text("b"), "T(a) T(b)"},
      {"a mask of zeros", frame(0x81, "plain", "\0\0\0\0"s), "T(plain)"},
      {"125 bytes", text(std::string(125, 'x')), "T(125 bytes)"},
      {"126 bytes", text(std::string(126, 'x')), "T(126 bytes)"},
      {"127 bytes", text(std::string(127, 'x')), "T(127 bytes)"},
      {"65,535 bytes", binary(std::string(65535, 'x')), "B(65535 bytes)"},
      {"65,536 bytes", binary(std::string(65536, 'x')), "B(65536 bytes)"},
      {"as many bytes as are taken", binary(std::string(most, 'x')), "B(70000 bytes)"},
      {"half a head", text("hello").substr(0, 1), ""},
      {"half a mask", text("hello").substr(0, 4), ""},
      {"half a payload", text("hello").substr(0, 8), ""},
      {"half a text after a whole one", text("a") + text("hello").substr(0, 7), "T(a)"},

      // 5.2: lengths
      {"125 in 16 bits", "\x81\xfe\x00\x7d\x00\x00\x00\x00"s + std::string(125, 'x'), "<close 1002>"},
      {"0 in 16 bits", "\x81\xfe\x00\x00\x00\x00\x00\x00"s, "<close 1002>"},
      {"126 in 64 bits", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x7e\x00\x00\x00\x00"s, "<close 1002>"},
      {"65,535 in 64 bits", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00"s, "<close 1002>"},
      {"a length with the highest bit", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s, "<close 1002>"},
      {"all bits of a length", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"s, "<close 1002>"},
      {"one byte more than is taken", binary(std::string(most + 1, 'x')), "<close 1009>"},
      {"a length of 2^62", "\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s, "<close 1009>"},
      {"fragments of more bytes than are taken", frame(0x02, std::string(40'000, 'x')) + last(std::string(40'000, 'x')),
       "<close 1009>"},
      {"fragments of as many bytes as are taken",
       frame(0x02, std::string(35'000, 'x')) + last(std::string(35'000, 'x')), "B(70000 bytes)"},

      // 5.2: reserved bits and opcodes, before anything else of the frame
      {"reserved bit 1", frame(0xc1, "x"), "<close 1002>"},
      {"reserved bit 2", frame(0xa1, "x"), "<close 1002>"},
      {"reserved bit 3", frame(0x91, "x"), "<close 1002>"},
      {"all reserved bits", frame(0xf2, "x"), "<close 1002>"},
      {"a reserved bit in a continuation", begin("a") + frame(0xc0, "b"), "<close 1002>"},
      {"a reserved bit in a ping", frame(0xc9, ""), "<close 1002>"},
      {"a reserved bit in a Close", frame(0xc8, "\x03\xe8"), "<close 1002>"},
      {"opcode 3", frame(0x83, ""), "<close 1002>"},
      {"opcode 4", frame(0x84, ""), "<close 1002>"},
      {"opcode 5", frame(0x85, ""), "<close 1002>"},
      {"opcode 6", frame(0x86, "x"), "<close 1002>"},
      {"opcode 7", frame(0x87, ""), "<close 1002>"},
      {"opcode 11", frame(0x8b, ""), "<close 1002>"},
      {"opcode 12", frame(0x8c, ""), "<close 1002>"},
      {"opcode 13", frame(0x8d, ""), "<close 1002>"},
      {"opcode 14", frame(0x8e, ""), "<close 1002>"},
      {"opcode 15", frame(0x8f, ""), "<close 1002>"},
      {"a reserved opcode after a message", text("a") + frame(0x83, ""), "T(a) <close 1002>"},
      {"bytes of HTTP", "GET / HTTP/1.1\r\n\r\n", "<close 1002>"},
      {"nothing after a failure is read", frame(0x83, "") + text("a") + ping("b") + close(1000), "<close 1002>"},

      // 5.1, 5.3: masks
      {"a text that is not masked", "\x81\x05hello", "<close 1002>"},
      {"an empty text that is not masked", "\x81\x00"s, "<close 1002>"},
      {"a ping that is not masked", "\x89\x00"s, "<close 1002>"},
      {"a Close that is not masked", "\x88\x02\x03\xe8", "<close 1002>"},
      {"a long one that is not masked", "\x82\x7e\x01"s, "<close 1002>"},

      // 5.4: fragments
      {"two fragments", begin("hel") + last("lo"), "T(hello)"},
      {"three fragments", begin("a") + more("b") + last("c"), "T(abc)"},
      {"fragments of a binary", frame(0x02, "a") + last("b"), "B(ab)"},
      {"empty fragments", begin("") + more("") + more("") + last(""), "T()"},
      {"an empty last fragment", begin("a") + last(""), "T(a)"},
      {"masks that differ between fragments", frame(0x01, "ab", "1234") + frame(0x80, "cd", "\xff\0\x7f\x80"s),
       "T(abcd)"},
      {"a fragmented message after another", begin("a") + last("b") + begin("c") + last("d"), "T(ab) T(cd)"},
      {"a continuation of nothing", last("x"), "<close 1002>"},
      {"a continuation of nothing that goes on", more("x"), "<close 1002>"},
      {"a continuation after a whole message", text("a") + last("b"), "T(a) <close 1002>"},
      {"a text within a text", begin("a") + text("b"), "<close 1002>"},
      {"a binary within a text", begin("a") + binary("b"), "<close 1002>"},
      {"a begin within a begin", begin("a") + begin("b"), "<close 1002>"},
      {"a thousand fragments",
       begin("") +
           [] {
             std::string all;
             for (int i = 0; i < 1000; ++i) all += more("x");
             return all;
           }() +
           last(""),
       "T(1000 bytes)"},

      // 5.5: control frames
      {"a ping", ping(""), "<pong >"},
      {"a ping with data", ping("data"), "<pong data>"},
      {"a ping that is binary", ping("\xff\x01"), "<pong \xff\x01>"},
      {"a ping of 125 bytes", ping(std::string(125, 'p')), "<pong " + std::string(125, 'p') + ">"},
      {"a ping of 126 bytes", ping(std::string(126, 'p')), "<close 1002>"},
      {"a ping of 64 KiB", ping(std::string(65536, 'p')), "<close 1002>"},
      {"three pings", ping("a") + ping("b") + ping("c"), "<pong a> <pong b> <pong c>"},
      {"a pong that nobody asked for", pong("x"), "pong"},
      {"a pong of 126 bytes", pong(std::string(126, 'p')), "<close 1002>"},
      {"a ping between fragments", begin("a") + ping("p") + last("b"), "<pong p> T(ab)"},
      {"pings and a pong between fragments", begin("a") + ping("1") + pong("") + more("b") + ping("2") + last("c"),
       "<pong 1> pong <pong 2> T(abc)"},
      {"a ping in fragments", frame(0x09, "a") + last("b"), "<close 1002>"},
      {"a pong in fragments", frame(0x0a, "a"), "<close 1002>"},
      {"a Close in fragments", frame(0x08, "\x03"), "<close 1002>"},
      {"a continuation after a ping", ping("a") + last("b"), "<pong a> <close 1002>"},

      // 5.5.1, 7.4: Close
      {"a Close without a code", frame(0x88, ""), "<close>"},
      {"half a code", frame(0x88, "\x03"), "<close 1002>"},
      {"1000", close(1000), "<close 1000>"},
      {"1000 with a reason", close(1000, "bye"), "<close 1000>"},
      {"1000 with a reason of 123 bytes", close(1000, std::string(123, 'r')), "<close 1000>"},
      {"a Close of 126 bytes", close(1000, std::string(124, 'r')), "<close 1002>"},
      {"1001", close(1001), "<close 1001>"},
      {"1002", close(1002), "<close 1002>"},
      {"1003", close(1003), "<close 1003>"},
      {"1007", close(1007), "<close 1007>"},
      {"1008", close(1008), "<close 1008>"},
      {"1009", close(1009), "<close 1009>"},
      {"1010", close(1010), "<close 1010>"},
      {"1011", close(1011), "<close 1011>"},
      {"1012", close(1012), "<close 1012>"},
      {"1013", close(1013), "<close 1013>"},
      {"1014", close(1014), "<close 1014>"},
      {"3000", close(3000), "<close 3000>"},
      {"3999", close(3999), "<close 3999>"},
      {"4000", close(4000), "<close 4000>"},
      {"4999", close(4999), "<close 4999>"},
      {"code 0", close(0), "<close 1002>"},
      {"code 999", close(999), "<close 1002>"},
      {"code 1004", close(1004), "<close 1002>"},
      {"code 1005", close(1005), "<close 1002>"},
      {"code 1006", close(1006), "<close 1002>"},
      {"code 1015", close(1015), "<close 1002>"},
      {"code 1016", close(1016), "<close 1002>"},
      {"code 2000", close(2000), "<close 1002>"},
      {"code 2999", close(2999), "<close 1002>"},
      {"code 5000", close(5000), "<close 1002>"},
      {"code 65535", close(65535), "<close 1002>"},
      {"a reason in UTF-8", close(1000, smile), "<close 1000>"},
      {"a reason that is not", close(1000, "\xff"), "<close 1007>"},
      {"a reason that ends within a character", close(1000, "\xe2\x82"), "<close 1007>"},
      {"a Close after a message", text("a") + close(1000), "T(a) <close 1000>"},
      {"a Close between fragments", begin("a") + close(1000), "<close 1000>"},
      {"a message after a Close", close(1000) + text("late"), "<close 1000>"},
      {"a ping after a Close", close(1000) + ping("late"), "<close 1000>"},
      {"two Closes", close(1000) + close(1001), "<close 1000>"},
      {"nonsense after a Close", close(1000) + "\xff\xff\xff", "<close 1000>"},

      // 8.1: UTF-8
      {"two bytes", text(e_acute), "T(" + e_acute + ")"},
      {"three bytes", text(euro), "T(" + euro + ")"},
      {"four bytes", text(smile), "T(" + smile + ")"},
      {"U+0000", text("\0"s), "T(" + "\0"s + ")"},
      {"U+D7FF and U+E000, around the surrogates", text("\xed\x9f\xbf\xee\x80\x80"), "T(\xed\x9f\xbf\xee\x80\x80)"},
      {"U+FFFF, which is no character", text("\xef\xbf\xbf"), "T(\xef\xbf\xbf)"},
      {"U+10FFFF", text("\xf4\x8f\xbf\xbf"), "T(\xf4\x8f\xbf\xbf)"},
      {"beyond U+10FFFF", text("\xf4\x90\x80\x80"), "<close 1007>"},
      {"a surrogate", text("\xed\xa0\x80"), "<close 1007>"},
      {"a pair of surrogates", text("\xed\xa0\xbd\xed\xb8\x80"), "<close 1007>"},
      {"an overlong slash", text("\xc0\xaf"), "<close 1007>"},
      {"an overlong slash in three", text("\xe0\x80\xaf"), "<close 1007>"},
      {"an overlong slash in four", text("\xf0\x80\x80\xaf"), "<close 1007>"},
      {"a lone continuation", text("a\x80"), "<close 1007>"},
      {"a lead alone", text("\xc3"), "<close 1007>"},
      {"a lead followed by ASCII", text("\xc3x"), "<close 1007>"},
      {"0xFE and 0xFF", text("\xfe\xff"), "<close 1007>"},
      {"five bytes", text("\xf8\x88\x80\x80\x80"), "<close 1007>"},
      {"ASCII, then what is not UTF-8", text("for more than eight bytes\xff"), "<close 1007>"},
      {"a character split by fragments", begin("\xe2") + more("\x82") + last("\xac"), "T(" + euro + ")"},
      {"four bytes split after each", begin("\xf0") + more("\x9f") + more("\x98") + last("\x80"), "T(" + smile + ")"},
      {"a character split by fragments with a ping between", begin("\xe2\x82") + ping("p") + last("\xac"),
       "<pong p> T(" + euro + ")"},
      {"a split that never becomes one", begin("\xe2\x82") + last("x"), "<close 1007>"},
      {"fragments that end within a character", begin("a") + last("\xe2\x82"), "<close 1007>"},
      {"what is wrong is said before the message is whole", begin("\xff"), "<close 1007>"},
      {"and within a frame", text("\xff" + std::string(1000, 'x')).substr(0, 20), "<close 1007>"},
      {"each message begins anew", text("\xc3\xa9") + text("\xa9"), "T(" + e_acute + ") <close 1007>"},
      {"a binary within whose bytes a text would fail", frame(0x02, "\xc3") + last("x"), "B(\xc3x)"},
  };
}

TEST(ws_protocol, hears_and_says_what_the_rfc_wants_in_every_case_and_however_it_is_split) {
  const auto all = cases();
  EXPECT_GE(all.size(), 80U);
  std::set<std::string> names;
  for (const auto& c : all) {
    EXPECT_TRUE(names.insert(c.name).second) << "twice: " << c.name;
    for (const std::size_t piece :
         {std::size_t{1} << 20, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
      protocol p(most);
      EXPECT_EQ(hear(p, c.says, piece).words, c.hears) << c.name << ", by " << piece;
    }
  }
}

TEST(ws_protocol, tells_the_remotes_code_and_reason) {
  protocol p(most);
  hear(p, close(4001, "enough"), 1);
  EXPECT_TRUE(p.close_received());
  EXPECT_EQ(p.close_code(), 4001);
  EXPECT_EQ(p.close_reason(), "enough");
  protocol none(most);
  hear(none, frame(0x88, ""), 1);
  EXPECT_EQ(none.close_code(), close_code::none);
}

TEST(ws_protocol, waits_for_the_remotes_close_after_its_own_and_answers_nothing_more) {
  protocol p(most);
  std::string out;
  p.close(out, close_code::going_away, "soon");
  p.close(out, close_code::normal, "");
  EXPECT_EQ(in_words(out), "<close 1001> ");
  EXPECT_EQ(hear(p, text("crossed"), 3).words, "T(crossed)");
  EXPECT_EQ(hear(p, ping("a"), 3).words, "");
  EXPECT_FALSE(p.over());
  const heard end = hear(p, close(1001), 3);
  EXPECT_EQ(end.words, "");
  EXPECT_EQ(end.last, event::close);
  EXPECT_TRUE(p.over());
}

TEST(ws_protocol, ignores_messages_that_are_not_whole_by_then_but_not_a_close) {
  protocol p(most);
  EXPECT_EQ(hear(p, text("a") + begin("b"), 100).words, "T(a)");
  p.ignore_messages();
  EXPECT_EQ(hear(p, last("c") + text("\xff") + binary(std::string(most + 1, 'x')) + ping("p"), 5000).words,
            "ignored ignored ignored <pong p>")
      << "and neither its UTF-8 nor its size matters";
  EXPECT_EQ(hear(p, close(1000), 1).words, "<close 1000>");
}

TEST(ws_protocol, breaks_off_when_the_remote_does_so_while_closing) {
  protocol p(most);
  std::string out;
  p.close(out, close_code::normal, "");
  const heard end = hear(p, frame(0x83, ""), 1);
  EXPECT_EQ(end.words, "") << "our Close is out";
  EXPECT_EQ(end.last, event::failed);
  EXPECT_TRUE(p.failed());
}

TEST(ws_protocol, cuts_a_reason_that_is_too_long_between_characters) {
  protocol p(most);
  std::string out, long_reason;
  while (long_reason.size() < 200) long_reason += "\xe2\x82\xac";
  p.close(out, close_code::normal, long_reason);
  frame_head head;
  const auto parsed = parse_frame_head(out, head);
  EXPECT_EQ(head.length, 2U + 123U);  // 41 characters of three bytes
  EXPECT_EQ(out.size(), parsed.bytes + head.length);
  protocol q(most);
  std::string other;
  q.close(other, close_code::normal, "x" + long_reason);
  parse_frame_head(other, head);
  EXPECT_EQ(head.length, 2U + 1U + 120U);
}

}  // namespace lastcall::ws::detail::ws_protocol_test
