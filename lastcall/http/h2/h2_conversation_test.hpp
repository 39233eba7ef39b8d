// For tests: what a client says over HTTP/2 and hears, frame by frame, on one connection to a server of the test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lastcall/http/requests/http2.hpp"
#include "lastcall/http/server/serving_test.hpp"

namespace lastcall::http::detail::h2_conversation_test {

inline std::string frame(int type, int flags, int id, const std::string& payload = "") {
  std::string out{static_cast<char>(payload.size() >> 16), static_cast<char>(payload.size() >> 8),
                  static_cast<char>(payload.size())};
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += std::string{0, 0, static_cast<char>(id >> 8), static_cast<char>(id)};
  return out + payload;
}
inline std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}
inline std::string ask(int id, const std::string& path, const std::string& verb = "GET", int flags = 5,
                       const std::string& more = "") {
  return frame(
      1, flags, id,
      field(":method", verb) + field(":scheme", "http") + field(":path", path) + field(":authority", "a") + more);
}
inline std::string post(int id, const std::string& path, const std::string& body) {
  return ask(id, path, "POST", 4) + frame(0, 1, id, body);
}
inline const std::string begin = std::string(http2_preface) + frame(4, 0, 0) + frame(4, 1, 0);

/// Frames of one connection, as they come.
struct conversation {
  explicit conversation(serving_test& with, int receive_buffer = 0) : client(with.enters(receive_buffer)) {
    client.say(begin);
  }

  /// False at the end.
  bool hear_one() {
    const std::string head = client.hear_bytes(9);
    if (head.size() < 9) return false;
    const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(head[i])); };
    const std::string payload = client.hear_bytes(at(0) << 16 | at(1) << 8 | at(2));
    const int id = static_cast<int>(at(7) << 8 | at(8));
    if (at(3) == 0) body[id] += payload;
    if (at(3) <= 1 && (at(4) & 1)) ++ended;
    if (at(3) == 3) ++resets, reset_code = payload.at(3);
    if (at(3) == 6 && !(at(4) & 1)) client.say(frame(6, 1, 0, payload));
    if (at(3) == 7) goaways.push_back(payload);
    return true;
  }
  void hear(int streams) {
    while (ended < streams && hear_one()) {}
  }

  /// Drains the server, so that all is counted and recorded.
  void leaves(serving_test& with) {
    with.drain();
    while (hear_one()) {}
    EXPECT_TRUE(with.wait_drained());
  }

  testing_net::client client;
  std::map<int, std::string> body;
  std::vector<std::string> goaways;
  int ended = 0, resets = 0, reset_code = 0;
};

}  // namespace lastcall::http::detail::h2_conversation_test
