#include "lastcall/http/routing/path.hpp"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <string_view>

namespace lastcall::http::detail::path_test {

std::string decoded(std::string_view raw) {
  std::string out;
  append_decoded(out, raw);
  return out;
}

bool climbs(const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto segment = path.substr(at, end - at);
    if (segment == "." || segment == "..") return true;
    at = end + 1;
  }
  return false;
}

TEST(path, a_sound_one_decodes_to_one_without_dot_segments_and_nul) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  constexpr std::string_view parts[] = {"/", "/", ".", "..", "%2e", "%2F", "%2f", "a", "%41", "%25", "%00", "%", "%4"};
  int sound = 0;
  for (int n = 0; n < 50'000; ++n) {
    std::string path = "/";
    for (auto length = random() % 8; length > 0; --length) path += parts[random() % std::size(parts)];
    if (!is_sound_path(path)) continue;
    ++sound;
    const auto text = decoded(path);
    ASSERT_FALSE(climbs(text)) << "seed " << seed << ": " << path;
    ASSERT_EQ(text.find('\0'), std::string::npos) << "seed " << seed << ": " << path;
  }
  EXPECT_GT(sound, 1000);
  EXPECT_FALSE(is_sound_path(""));
  EXPECT_FALSE(is_sound_path("*"));
}

}  // namespace lastcall::http::detail::path_test
