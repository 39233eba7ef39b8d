// Paths: soundness and decoding, each against the plain way over the decoded text. The input is a path.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/http/routing/path.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/plain_path.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  namespace detail = lastcall::http::detail;
  const exact_copy raw(text(data, size));
  const auto decoded = plain_decoded(raw.view());
  require(detail::is_sound_path(raw.view()) == plain_sound(raw.view()), "sound is what decodes to a path inside");
  if (!decoded) return 0;
  std::string got = "before";
  detail::append_decoded(got, raw.view());
  require(got == "before" + *decoded, "decoded once, behind what was there");
  return 0;
}
