// Messages whose end two servers may see in different places, each with a second request hidden in what one of them
// would take for the body: shapes that have smuggled requests past somebody. None may get past us.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/process/cases/conformance_cases.hpp"

namespace process_tests {

/// The hidden request, and what shows that it was answered as one.
inline const std::string smuggled = get("/request/smuggled");
inline const std::string smuggled_answer = "rest=[smuggled]";

inline const std::string smuggled_length = std::to_string(smuggled.size());
/// What one who goes by the length takes for the body, and one who goes by the chunks for its end and the next request.
inline const std::string ended_and_smuggled = "0\r\n\r\n" + smuggled;
inline const std::string length_of_both = "Content-Length: " + std::to_string(ended_and_smuggled.size()) + "\r\n";
inline const std::string is_chunked = "Transfer-Encoding: chunked\r\n";

using shapes = std::vector<std::pair<const char*, std::string>>;

inline conversations refused(const shapes& all, const reply& answer, opinion whose = ours) {
  conversations c;
  for (const auto& [name, bytes] : all) c.push_back({name, "9112 11.2", {bytes, answer}, closed, whose});
  return c;
}

/// By the length: each is refused before anybody asks where the body ends.
inline conversations smuggled_by_length() {
  const auto lengths = [](const std::string& lines) { return post(lines + "\r\n", smuggled); };
  const std::string n = smuggled_length;
  return refused(
             {
                 {"cl te", post(length_of_both + is_chunked, ended_and_smuggled)},
                 {"te cl", post(is_chunked + "Content-Length: 4\r\n", "2b\r\n" + smuggled + "\r\n0\r\n\r\n")},
                 {"te cl 0", post(is_chunked + "Content-Length: 0\r\n", ended_and_smuggled)},
                 {"cl cl", lengths("Content-Length: " + n + "\r\nContent-Length: 0")},
                 {"cl 0 cl", lengths("Content-Length: 0\r\nContent-Length: " + n)},
                 {"cl cl equal", lengths("Content-Length: 0\r\nContent-Length: 0")},
                 {"cl list", lengths("Content-Length: 0, " + n)},
                 {"space before colon", lengths("Content-Length : " + n)},
                 {"tab before colon", lengths("Content-Length\t: " + n)},
                 {"wraps at 64 bits", lengths("Content-Length: 18446744073709551616")},
                 {"wraps at 32 bits and is signed", lengths("Content-Length: -4294967296")},
                 {"negative", lengths("Content-Length: -" + n)},
                 {"plus", lengths("Content-Length: +" + n)},
                 {"hexadecimal", lengths("Content-Length: 0x0")},
                 {"digits behind a space", lengths("Content-Length: 0 " + n)},
                 {"garbage behind it", lengths("Content-Length: 0abc")},
                 {"arabic digits", lengths("Content-Length: \xd9\xa0")},
                 {"full width digits", lengths("Content-Length: \xef\xbc\x90")},
                 {"empty", lengths("Content-Length:")},
                 {"folded", lengths("Content-Length:\r\n " + n)},
                 {"fold that hides a second", lengths("Content-Length: 0\r\n Content-Length: " + n)},
             },
             bad, agreed) +
         refused(
             {
                 {"vertical tab before colon", lengths("Content-Length\v: " + n)},
                 {"cr before colon", lengths("Content-Length\r: " + n)},
                 {"vertical tab behind it", lengths("Content-Length: 0\v")},
                 {"form feed before it", lengths("Content-Length:\f0")},
                 {"nul behind it", lengths("Content-Length: 0" + std::string(1, '\0') + n)},
                 {"bare cr hides one", lengths("X: y\rContent-Length: " + n)},
                 {"bare lf hides one", lengths("X: y\nContent-Length: " + n)},
             },
             bad) +
         conversations{
             {"a body is no request", "9112 6.3", {lengths("Content-Length: " + n), stored(smuggled.size())}},
             {"a body of get is none", "9110 9.3.1", {get("/", "Content-Length: " + n + "\r\n") + smuggled, ok}},
             {"a body of head is none",
              "9110 9.3.2",
              {ask("HEAD", "/", "Content-Length: " + n + "\r\n") + smuggled,
               reply{.status = 200, .lines = {"Content-Length: 6"}, .to_head = true}}},
             {"an underscore is another name",
              "9110 5.1",
              {lengths("Content-Length: " + n + "\r\nContent_Length: 0"), stored(smuggled.size())}},
             {"continue with the body at once",
              "9110 10.1.1",
              {post("Expect: 100-continue\r\nContent-Length: " + n + "\r\n", smuggled), stored(smuggled.size())},
              open,
              ours,
              nullptr,
              false},
         };
}

/// By Transfer-Encoding: what is not plainly `chunked` is refused, and never taken for no coding at all.
inline conversations smuggled_by_coding() {
  // Who ignores the coding goes by the length and sees one request, who obeys it sees two.
  const auto line = [](const std::string& te) { return post(te + "\r\n" + length_of_both, ended_and_smuggled); };
  const auto value = [](const std::string& v) { return post("Transfer-Encoding:" + v + "\r\n", ended_and_smuggled); };
  return refused(
             {
                 {"space before colon", line("Transfer-Encoding : chunked")},
                 {"tab before colon", line("Transfer-Encoding\t: chunked")},
                 {"space before name", line(" Transfer-Encoding: chunked")},
                 {"folded", line("Transfer-Encoding:\r\n chunked")},
                 {"folded in the word", line("Transfer-Encoding: chu\r\n nked")},
                 {"folded behind another", line("X: y\r\n Transfer-Encoding: chunked")},
                 {"nul behind it", line("Transfer-Encoding: chunked" + std::string(1, '\0'))},
                 {"twice", post(is_chunked + is_chunked, ended_and_smuggled)},
                 {"in http 1.0", bare("Host: a\r\nConnection: keep-alive\r\n" + is_chunked, "POST /upload HTTP/1.0") +
                                     ended_and_smuggled},
                 {"in http 1.0 with a length",
                  bare("Host: a\r\n" + length_of_both + is_chunked, "POST /upload HTTP/1.0") + ended_and_smuggled},
             },
             bad, agreed) +
         refused(
             {
                 {"vertical tab before colon", line("Transfer-Encoding\v: chunked")},
                 {"cr before colon", line("Transfer-Encoding\r: chunked")},
                 {"tab behind colon", line("Transfer-Encoding:\tchunked")},
                 {"a header that begins with it", line("Transfer-Encoding")},
                 {"vertical tab before it", line("Transfer-Encoding:\vchunked")},
                 {"form feed before it", line("Transfer-Encoding:\fchunked")},
                 {"vertical tab behind it", line("Transfer-Encoding: chunked\v")},
                 {"cr behind it", line("Transfer-Encoding: chunked\r")},
                 {"a high byte in the name", line("Transfer-Encod\xc4\xb1ng: chunked")},
                 {"bare cr hides it", line("X: y\rTransfer-Encoding: chunked")},
                 {"bare lf hides it", line("X: y\nTransfer-Encoding: chunked")},
                 {"chunked and another line", post(is_chunked + "Transfer-Encoding: x\r\n", ended_and_smuggled)},
             },
             bad) +
         refused(
             {
                 {"x chunked", value(" xchunked")},
                 {"chunked x", value(" chunkedx")},
                 {"chunk", value(" chunk")},
                 {"identity", value(" identity")},
                 {"chunked identity", value(" chunked, identity")},
                 {"identity chunked", value(" identity, chunked")},
                 {"gzip chunked", value(" gzip, chunked")},
                 {"chunked chunked", value(" chunked, chunked")},
                 {"two words", value(" x chunked")},
                 {"in quotes", value(" \"chunked\"")},
                 {"a parameter", value(" chunked;q=1")},
                 {"a semicolon", value(" chunked;")},
             },
             reply{.status = 501}, agreed) +
         refused(
             {
                 {"in single quotes", value(" 'chunked'")},
                 {"a comma behind it", value(" chunked,")},
                 {"a comma before it", value(" , chunked")},
                 {"nothing", value("")},
                 {"a kelvin sign", value(" chun\xe2\x84\xaa"
                                         "ed")},
                 {"a no-break space", value(" \xc2\xa0"
                                            "chunked")},
                 {"another line before chunked", post("Transfer-Encoding: x\r\n" + is_chunked, ended_and_smuggled)},
                 {"identity and a length", line("Transfer-Encoding: identity")},
             },
             reply{.status = 501}) +
         conversations{
             {"an underscore is another name",
              "9110 5.1",
              {line("Transfer_Encoding: chunked"), stored(ended_and_smuggled.size())}},
             {"the name behind x is another name",
              "9110 5.1",
              {line("X-Transfer-Encoding: chunked"), stored(ended_and_smuggled.size())}},
             {"te is another field", "9110 10.1.4", {line("TE: chunked"), stored(ended_and_smuggled.size())}},
         };
}

/// By the framing of chunks.
inline conversations smuggled_by_chunk() {
  const auto sized_as = [](const std::string& size) { return chunked(size + "\r\n\r\n" + smuggled); };
  return refused(
             {
                 {"wraps at 64 bits", sized_as("10000000000000000")},
                 {"wraps at 64 bits with zeros", sized_as("0000000010000000000000000")},
                 {"negative zero", sized_as("-0")},
                 {"plus zero", sized_as("+0")},
                 {"negative", chunked("-1\r\nx\r\n" + ended_and_smuggled)},
                 {"hexadecimal", sized_as("0x0")},
                 {"an underscore", sized_as("0_0")},
                 {"a letter behind it", sized_as("0g")},
                 {"full width digit", sized_as("\xef\xbc\x90")},
                 {"no size", chunked("\r\n\r\n" + smuggled)},
                 {"no line end behind data", chunked("3\r\nabc" + ended_and_smuggled)},
                 {"two bytes for the line end", chunked("3\r\nabcxx" + ended_and_smuggled)},
                 {"data longer than its size", chunked("3\r\nabcde\r\n" + ended_and_smuggled)},
             },
             bad, agreed) +
         refused(
             {
                 {"space before it", sized_as(" 0")},
                 {"space behind it", sized_as("0 ")},
                 {"tab behind it", sized_as("0\t")},
                 {"vertical tab behind it", sized_as("0\v")},
                 {"nul behind it", sized_as("0" + std::string(1, '\0'))},
                 {"a word behind it", sized_as("0 abc")},
                 {"bare lf behind it", chunked("0\n\n" + smuggled)},
                 {"bare cr behind it", chunked("0\r\r" + smuggled)},
                 {"bare lf in an extension", chunked("2;\nxx\r\n" + ended_and_smuggled)},
                 {"bare cr in an extension", chunked("2;\rxx\r\n" + ended_and_smuggled)},
                 {"nul in an extension", chunked("2;" + std::string(1, '\0') + "\r\nxx\r\n" + ended_and_smuggled)},
                 {"bare lf behind data", chunked("3\r\nabc\n" + ended_and_smuggled)},
                 {"bare cr behind data", chunked("3\r\nabc\r" + ended_and_smuggled)},
                 {"bare lf at the end", chunked("0\r\n\n" + smuggled)},
                 {"bare cr at the end", chunked("0\r\n\r" + smuggled)},
                 {"bare lf in a trailer", chunked("0\r\nX: y\n\n" + smuggled)},
                 {"a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n" + smuggled)},
                 {"a request in a trailer", chunked("0\r\n" + smuggled)},
             },
             bad) +
         conversations{
             // A quoted string holds no line end.
             {"a line end in a quoted extension",
              "9110 5.6.4",
              {chunked("2;a=\"\r\nxx\r\n0\r\n\r\n\"\r\n" + smuggled), bad},
              closed},
             {"chunks are no request",
              "9112 7.1",
              {chunked("2b\r\n" + smuggled + "\r\n0\r\n\r\n"), stored(smuggled.size())}},
         };
}

/// By what stands around: the request line, Host, Expect, the rest of the head.
inline conversations smuggled_by_head() {
  return refused(
             {
                 {"no host", bare("") + smuggled},
                 {"two hosts", get("/", "Host: b\r\n") + smuggled},
                 {"a list of hosts", bare("Host: a, b\r\n") + smuggled},
                 {"nul in host", bare("Host: a" + std::string(1, '\0') + "b\r\n") + smuggled},
                 {"space before the colon of host", bare("Host : a\r\n") + smuggled},
                 {"host before a fold", bare("Host: a\r\n b\r\n") + smuggled},
                 {"absolute form without host", bare("", "GET http://a/ HTTP/1.1") + smuggled},
                 {"a name of nothing", get("/", ": x\r\n") + smuggled},
                 {"no colon", get("/", "x\r\n") + smuggled},
             },
             bad) +
         refused(
             {
                 {"bare lf ends the head", "GET / HTTP/1.1\nHost: a\n\n" + smuggled},
                 {"bare lf ends the last field", "GET / HTTP/1.1\r\nHost: a\n\r\n" + smuggled},
                 {"lf for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n" + smuggled},
                 {"cr for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r" + smuggled},
                 {"cr for the line end", "GET / HTTP/1.1\rHost: a\r\r" + smuggled},
                 {"http 0.9 and a request", "GET /\r\n" + smuggled},
                 {"a request in the value", get("/", "X: y\n" + smuggled)},
                 {"a request behind cr in the value", get("/", "X: y\r" + smuggled)},
                 {"a space for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n \r\n" + smuggled},
             },
             bad) +
         refused({{"http 1.2", bare("Host: a\r\n", "GET / HTTP/1.2") + smuggled},
                  {"http 2.0", bare("Host: a\r\n", "GET / HTTP/2.0") + smuggled}},
                 reply{.status = 505}) +
         refused({{"an expectation before continue",
                   post("Expect: x 100-continue\r\nContent-Length: " + smuggled_length + "\r\n", smuggled)}},
                 reply{.status = 417}) +
         conversations{
             {"connect", "9110 9.3.6", {ask("CONNECT", "a:80") + smuggled, reply{.status = 501}}, closed},
             {"close", "9112 9.6", {get("/", "Connection: close\r\n") + smuggled, ok}, closed},
             {"http 1.0", "9112 9.3", {bare("Host: a\r\n", "GET / HTTP/1.0") + smuggled, ok}, closed},
             {"encoded line ends",
              "3986 2.1",
              {get("/%20HTTP/1.1%0d%0aHost:a%0d%0a%0d%0aGET%20/request/smuggled"), not_found}},
         };
}

inline conversations smuggling_cases() {
  return smuggled_by_length() + smuggled_by_coding() + smuggled_by_chunk() + smuggled_by_head();
}

}  // namespace process_tests
