// Uploads that become files, across a shutdown: whole, or not there at all. What an answered client was told is on
// disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

constexpr int clients = 12;
constexpr std::size_t pieces = 20, piece_bytes = 20'000;
constexpr std::size_t whole = pieces * piece_bytes;

std::string content(int client) { return std::string(whole, static_cast<char>('a' + client)); }

std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> found;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(each.path(), std::ios::binary);
    found[each.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return found;
}

struct came_of_it {
  int answered = 0, stored = 0;
};

/// Clients that are at different places of their uploads when the server gets `signal`; then they go on.
came_of_it shut_down_amid_uploads(int signal, const char* grace, unsigned seed) {
  const scratch_folder scratch;
  const std::string folder = scratch.file("uploads");
  std::filesystem::create_directory(folder);
  testbed server({"--upload-dir", folder, "--grace", grace, "--log", "none"});
  const auto to = parse_server_address(server.url());
  std::mt19937 random(seed);
  std::vector<raw_client> all;
  std::vector<std::size_t> sent;
  for (int i = 0; i < clients; ++i) {
    const std::string name = "name=" + std::string(1, static_cast<char>('a' + i));
    all.emplace_back(
        to, "POST /upload?" + name + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(whole) + "\r\n\r\n");
    sent.push_back(random() % (pieces + 1));  // some have sent all of it
    for (std::size_t p = 0; p < sent.back(); ++p) all[i].send(content(i).substr(0, piece_bytes));
  }
  server.wait(deadline(std::chrono::milliseconds(random() % 20)));
  server.process.signal(signal);
  came_of_it result;
  std::vector<bool> told(clients);
  for (int i = 0; i < clients; ++i) {
    if (i % 4 != 3)  // every fourth never sends the rest, and is forced or cut
      while (sent[i]++ < pieces && all[i].send(content(i).substr(0, piece_bytes))) {}
  }
  for (int i = 0; i < clients; ++i) {
    const auto reply = all[i].read_reply(deadline(10s));
    told[i] = reply.status_line() == "HTTP/1.1 200 OK" && reply.bytes.ends_with("\n" + std::to_string(whole) + "\n");
    result.answered += told[i];
    all[i].close();
  }
  EXPECT_TRUE(server.wait()) << server.process.errors();
  const auto found = files_in(folder);
  for (const auto& [name, bytes] : found) {
    const int i = name.size() == 1 ? name[0] - 'a' : -1;
    if (i < 0 || i >= clients) {
      ADD_FAILURE() << "left behind: " << name << ", " << bytes.size() << " bytes";
      continue;
    }
    EXPECT_TRUE(bytes == content(i)) << "half a file: " << name << ", " << bytes.size() << " bytes";
    ++result.stored;
  }
  for (int i = 0; i < clients; ++i)
    EXPECT_TRUE(!told[i] || found.contains(std::string(1, static_cast<char>('a' + i))))
        << "answered, but not stored: " << i;
  return result;
}

TEST(uploads, to_a_file_are_whole_or_not_there_whenever_the_server_is_told_to_stop) {
  came_of_it all;
  const int times = runs(50, 3);
  for (int i = 0; i < times; ++i) {
    const came_of_it one = shut_down_amid_uploads(SIGTERM, sanitized ? "4s" : "1500ms", static_cast<unsigned>(i));
    all.answered += one.answered;
    all.stored += one.stored;
    // Three of four clients sent all in time.
    EXPECT_GE(one.answered, clients * 3 / 4) << "run " << i;
    if (HasFailure()) return;
  }
  EXPECT_LT(all.answered, times * clients) << "none was forced: the test has seen nothing";
  std::printf("measure: %d shutdowns amid %d uploads each: %d answered, %d files, all whole\n", times, clients,
              all.answered, all.stored);
}

TEST(uploads, to_a_file_leave_nothing_half_also_of_a_server_that_is_killed) {
  for (int i = 0; i < runs(10, 2); ++i) {
    shut_down_amid_uploads(SIGKILL, "20s", static_cast<unsigned>(i));
    if (HasFailure()) return;
  }
}

TEST(uploads, are_there_for_a_download_with_a_range) {
  const scratch_folder scratch;
  testbed server({"--upload-dir", scratch.file("")});
  const auto to = parse_server_address(server.url());
  raw_client up(to, "POST /upload?name=x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_EQ(up.read_reply().status_line(), "HTTP/1.1 200 OK");
  raw_client down(to, "GET /stored/x HTTP/1.1\r\nHost: a\r\nRange: bytes=3-5\r\n\r\n");
  const auto part = down.read_reply();
  EXPECT_EQ(part.status_line(), "HTTP/1.1 206 Partial Content");
  EXPECT_TRUE(part.bytes.ends_with("\r\n\r\n345")) << part.bytes;
  raw_client outside(to, "POST /upload?name=..%2Fx HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outside.read_reply().status_line(), "HTTP/1.1 400 Bad Request");
}

}  // namespace
