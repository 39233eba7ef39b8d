// Paths: soundness, decoding and comparison, each against the plain way over the decoded text. The input is a path, or
// a path, a line feed and a text to compare it with.
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/http/detail/path.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/plain_path.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  namespace detail = lastcall::http::detail;
  const auto input = text(data, size);
  const auto feed = input.find('\n');
  const exact_copy raw(input.substr(0, feed));
  const exact_copy other(feed == input.npos ? std::string_view("/a") : input.substr(feed + 1));
  const auto decoded = plain_decoded(raw.view());
  require(detail::is_sound_path(raw.view()) == plain_sound(raw.view()), "sound is what decodes to a path inside");
  if (!decoded) return 0;
  std::string got = "before";
  detail::append_decoded(got, raw.view());
  require(got == "before" + *decoded, "decoded once, behind what was there");
  const auto sign = [](int n) { return (n > 0) - (n < 0); };
  require(sign(detail::compare_decoded(raw.view(), other.view())) == sign(decoded->compare(other.view())),
          "compared as decoded");
  require(detail::compare_decoded(raw.view(), *decoded) == 0, "equal to itself, decoded");
  return 0;
}
